import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../support/house.js';
import { ModelHouse } from './model-house.js';

const SECRET = 'whsec_c2VjcmV0';

let house: ModelHouse;
beforeAll(async () => {
  house = await ModelHouse.start({
    // Without a webhook nothing would be looked at twice within this test.
    TRIPO_POLL_SECONDS: '60',
    TRIPO_WEBHOOK_SECRETS: `whsec_next,${SECRET}`,
    TRIPO_LOW_BALANCE: '99990',
  });
});
afterAll(() => house.stop());

const post = (body: unknown, { secret = SECRET, age = 0 } = {}): Promise<Response> => {
  const text = JSON.stringify(body);
  const time = Math.floor(Date.now() / 1_000) - age;
  const signature = createHmac('sha256', secret).update(`${time}.${text}`).digest('hex');
  return fetch(`${house.house.url}/v1/tools/webhooks/tripo`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'tripo-webhook-id': 'e4a1',
      'tripo-webhook-delivery': 'd-1',
      'tripo-webhook-signature': `t=${time},v1=${signature}`,
    },
    body: text,
  });
};
const taskIdOf = async (jobId: string): Promise<string> => {
  const row = await house.house.database.one<{ id: string }>(
    'SELECT provider_task_id AS id FROM jobs WHERE id = $1',
    [jobId],
  );
  return row!.id;
};
const balance = async (name: string): Promise<string | undefined> =>
  new RegExp(`^${name}{provider="tripo"} (.*)$`, 'm').exec(await house.metrics())?.[1];

it('shows the balance at Tripo3D from the start on, and whether it is low after a webhook says so', async () => {
  await until(async () => (await balance('tool_provider_balance')) === '100000');
  expect(await balance('tool_provider_balance_low')).toBe('0');
});

it('looks at a task when a signed webhook names it, and only then believes that it has ended', async () => {
  const { id } = await house.order();
  await house.customer.reaches(id, ({ status }) => status === 'running');
  const task_id = await taskIdOf(id);
  const ended = { id: 'e4a1', type: 'task.completed', data: { task_id, status: 'success' } };
  // Each task is looked at once as soon as it is known.
  await until(async () => (await house.count('look')) > 0);
  const looks = await house.count('look');

  // Refused ones wake nobody.
  for (const way of [{ secret: 'whsec_other' }, { age: 301 }]) {
    const response = await post(ended, way);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'tools.webhook_refused' });
  }
  expect((await post({ ...ended, data: { task_id: 'another' } })).status).toBe(204);
  expect(await house.count('look')).toBe(looks);

  // It may come early and more than once: the provider is asked, not believed.
  await until(async () => {
    expect((await post(ended)).status).toBe(204);
    return (await house.customer.job(id)).status === 'succeeded';
  });
  expect(await house.count('look')).toBeGreaterThan(looks);
  expect(await house.house.faultsInLedger()).toEqual([]);
});

it('asks for the balance when a webhook says that it is low', async () => {
  expect((await post({ type: 'balance.low', data: { balance: 0 } })).status).toBe(204);
  await until(async () => (await balance('tool_provider_balance_low')) === '1');
  // One model of 30 has been made; what the webhook claimed does not count.
  expect(await balance('tool_provider_balance')).toBe('99970');
});
