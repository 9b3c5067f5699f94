import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectExactEnds } from '../../support/exact-ends.js';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
const LIMIT_MS = 1_500_000;
let house: House;
let customer: Customer;

beforeAll(async () => {
  house = await House.start({ databaseUrl: database.url, gpuMs: 50 });
  customer = await house.customer();
});
afterAll(() => house.stop());

const orderMany = async (count: number) => {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push((await customer.order()).id);
  return ids;
};

it('100 jobs end although the socket never says a word, each within 3 s of its history', async () => {
  await house.fault({ kind: 'mute', times: 0 });
  const ids = await orderMany(100);
  await expectExactEnds(house, customer, ids, { isComfyKept: true, limitMs: LIMIT_MS });
  await house.clearFaults();
  const executions = await house.executions();
  const ends = await house.database.query<{ prompts: string[]; finished: string; status: string }>(
    `SELECT status, finished_at AS finished,
       ARRAY(SELECT prompt_id::text FROM job_prompts WHERE job_id = jobs.id) AS prompts
     FROM jobs WHERE id = ANY($1::uuid[])`,
    [ids],
  );
  const lags = ends.map(({ prompts, finished }) => {
    const last = executions.find((one) => prompts.includes(one.prompt_id));
    return new Date(finished).getTime() - (last?.ended ?? 0);
  });
  expect(ends.map(({ status }) => status)).toEqual(ids.map(() => 'succeeded'));
  console.log(`slowest end after ComfyUI's: ${Math.max(...lags)} ms`);
  expect(Math.max(...lags)).toBeLessThanOrEqual(3_000);
});

it('200 jobs have their pictures although history comes a second late', async () => {
  await house.fault({ kind: 'late-history', ms: 1_000, times: 0 });
  const ids = await orderMany(200);
  const jobs = await expectExactEnds(house, customer, ids, {
    isComfyKept: true,
    limitMs: LIMIT_MS,
  });
  await house.clearFaults();
  expect(jobs.map(({ status }) => status)).toEqual(ids.map(() => 'succeeded'));
  expect(jobs.filter(({ outputs }) => outputs.length === 0)).toEqual([]);
});
