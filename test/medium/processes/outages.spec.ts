import { afterAll, beforeAll, describe, it } from 'vitest';
import { OutageHouse } from '../../support/outages.js';
import { hasRedis } from '../../support/redis.js';

describe.skipIf(!hasRedis)(
  'an outage in the middle of jobs ends no process and loses nothing',
  () => {
    let house: OutageHouse;
    beforeAll(async () => {
      house = await OutageHouse.start({ api: 1, worker: 1, mailer: 1 }, 1);
    });
    afterAll(() => house.stop());

    it.each(['Redis killed', 'Redis flushed', 'PostgreSQL restarted at once', 'SQS away'] as const)(
      '%s',
      async (name) => {
        await house.suffer(name, 8, 1_000);
      },
    );
  },
);
