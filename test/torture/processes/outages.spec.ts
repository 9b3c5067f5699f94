import { afterAll, beforeAll, it } from 'vitest';
import { OUTAGE_NAMES, OutageHouse } from '../../support/outages.js';

let house: OutageHouse;
beforeAll(async () => {
  house = await OutageHouse.start({ api: 1, worker: 2, mailer: 1 }, 2);
});
afterAll(() => house.stop());

it.each(OUTAGE_NAMES)('%s in the middle of 200 jobs', async (name) => {
  const readyMs = await house.suffer(name, 200, 5_000);
  console.log(`${name}: ready ${readyMs.toFixed(0)} ms after its return`);
});
