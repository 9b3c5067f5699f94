import { it } from 'vitest';
import { testDatabase } from '../../support/postgres.js';
import { hasRedis } from '../../support/redis.js';
import { shopWhileRestarting } from '../../support/rolling.js';

const database = await testDatabase({ from: 'template' });

it.skipIf(!hasRedis)('restarts of every process lose, double and fail nothing', async () => {
  await shopWhileRestarting({
    databaseUrl: database.url,
    persons: 4,
    jobsEach: 3,
    gpus: 1,
    size: { api: 2, worker: 1, mailer: 1 },
  });
});
