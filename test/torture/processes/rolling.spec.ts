import { it } from 'vitest';
import { testDatabase } from '../../support/postgres.js';
import { shopWhileRestarting } from '../../support/rolling.js';

const database = await testDatabase({ from: 'template' });

it('ends 300 jobs of 20 persons once each while all six processes are restarted in turn', async () => {
  const { restarts, slowestStopMs } = await shopWhileRestarting({
    databaseUrl: database.url,
    persons: 20,
    jobsEach: 15,
    gpus: 3,
    size: { api: 2, worker: 2, mailer: 2 },
  });
  console.log(`${restarts} restarts, slowest stop ${slowestStopMs.toFixed(0)} ms`);
});
