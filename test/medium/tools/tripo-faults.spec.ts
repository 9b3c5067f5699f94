import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../../src/sandbox/tools/server.js';
import { until } from '../../support/house.js';
import { ModelHouse } from './model-house.js';

const PRICE = 30;
const PAGE = '<!doctype html><title>502</title>';

let house: ModelHouse;
beforeAll(async () => {
  house = await ModelHouse.start({
    TOOL_TIMEOUT_SECONDS: '2',
    TOOL_RECONCILE_SECONDS: '20',
    TOOL_RESULT_MAX_MB: '5',
  });
});
afterAll(() => house.stop());
beforeEach(() => house.script());

/** The job under this fault, what was charged, and how many creates were sent. */
const under = async (...faults: Fault[]) => {
  await house.script(...faults);
  let job: Awaited<ReturnType<ModelHouse['ordered']>> | undefined;
  const { calls, charged, reserved } = await house.spent('create', async () => {
    job = await house.ordered({}, 120_000);
  });
  expect(reserved).toBe(0);
  return { end: job!.error?.code ?? job!.status, creates: calls, charged };
};
const MADE = { end: 'succeeded', creates: 1, charged: PRICE };

describe('a create whose answer is lost', () => {
  it.each([
    ['it timed out after it was accepted', { after: 'hang' }],
    ['the connection was reset after it was accepted', { after: 'reset' }],
    ['HTML came in place of JSON', { after: 'html' }],
    ['the JSON was cut', { after: 'truncate' }],
  ] as const)('is found at the provider and not repeated: %s', async (_, fault) => {
    expect(await under({ on: 'create', ...fault })).toEqual(MADE);
    expect(await house.metrics()).toMatch(
      /tool_reconciled_total{provider="tripo",outcome="found"}/,
    );
  });
});

describe('a provider that is full or away', () => {
  it('is asked again when its Retry-After says so, and not before', async () => {
    const answer = { status: 429, json: { code: 2000 }, headers: { 'retry-after': '3' } };
    expect(await under({ on: 'create', answer })).toEqual({ ...MADE, creates: 2 });
    const [refused, accepted] = (await house.standIns.calls('tripo', 'create')).slice(-2);
    expect(refused?.status).toBe(429);
    expect(accepted!.at - refused!.at).toBeGreaterThanOrEqual(3_000);
  });

  it('is left alone after a storm of 5xx, and used again by itself when it is over', async () => {
    const storm = { on: 'upload', times: 5, answer: { status: 503, text: PAGE } };
    const before = await house.count('upload');
    expect(await under(storm)).toEqual(MADE);
    // The storm's five, and one that was let through.
    expect((await house.count('upload')) - before).toBe(6);
  });

  it('loses no task in a storm of 5xx while it is there', async () => {
    const storm = { on: 'look', times: 4, answer: { status: 502, text: PAGE } };
    expect(await under(storm)).toEqual(MADE);
  });

  it('that answers a look with HTML is simply asked again', async () => {
    expect(await under({ on: 'look', times: 2, answer: { status: 200, text: PAGE } })).toEqual(
      MADE,
    );
  });
});

describe('a result', () => {
  const BAD = { end: 'tools.bad_result', creates: 1, charged: 0 };

  it('behind an expired link is fetched by a fresh one', async () => {
    expect(await under({ on: 'result', times: 2, answer: { status: 403 } })).toEqual(MADE);
  });

  it.each([
    ['HTML in place of a model', { answer: { status: 200, text: `${PAGE} and more of it` } }],
    ['2 GB', { answer: { status: 200, text: 'x', headers: { 'content-length': '2000000000' } } }],
    ['no end', { after: 'flood' }],
    ['links that have all expired', { answer: { status: 403 } }],
  ] as const)('of %s fails the job without a charge', async (_, fault) => {
    expect(await under({ on: 'result', times: 20, ...fault })).toEqual(BAD);
  });

  it('that broke off is fetched again', async () => {
    expect(await under({ on: 'result', times: 2, after: 'truncate' })).toEqual(MADE);
  });

  it('whose address leads into our own network is not fetched', async () => {
    let visits = 0;
    const inside = createServer((_, response) => {
      visits += 1;
      response.end('glTF');
    });
    await new Promise<void>((resolve) => inside.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = inside.address() as AddressInfo;
      const location = `http://127.0.0.1:${port}/secrets`;
      const answer = { status: 302, headers: { location } };
      expect(await under({ on: 'result', times: 20, answer })).toEqual(BAD);
      const task = { output: { model_url: location } };
      expect(await under({ on: 'create', task })).toEqual(BAD);
      expect(visits).toBe(0);
    } finally {
      inside.close();
    }
  });

  it('is asked for without our key, which goes to the API alone', async () => {
    const before = (await house.standIns.calls('tripo')).length;
    expect(await under()).toEqual(MADE);
    const calls = (await house.standIns.calls('tripo')).slice(before);
    const results = calls.filter(({ name }) => name === 'result');
    expect(results.length).toBeGreaterThanOrEqual(2);
    expect(results.map(({ authorization }) => authorization)).toEqual(results.map(() => null));
  });
});

describe('a cancel', () => {
  it('before the create ends the job there, with nothing sent', async () => {
    await house.script({ on: 'upload', delayMs: 1_500 });
    const { calls, charged } = await house.spent('create', async () => {
      const { id } = await house.order();
      await until(
        async () => (await house.customer.job(id)).progress.step === 'sending the pictures',
      );
      await house.customer.json(`/v1/jobs/${id}/cancel`, { method: 'POST' });
      expect((await house.customer.ended(id)).status).toBe('cancelled');
    });
    expect({ calls, charged }).toEqual({ calls: 0, charged: 0 });
  });

  it('after it is told that Tripo3D cannot stop, and the model comes and is charged', async () => {
    // Each look is slow, so that the job is there long enough to be seen.
    await house.script({ on: 'look', times: 3, delayMs: 700 });
    const { calls, charged } = await house.spent('create', async () => {
      const { id } = await house.order();
      await house.customer.reaches(id, ({ status }) => status === 'running');
      await house.customer.json(`/v1/jobs/${id}/cancel`, { method: 'POST' });
      const told = await house.customer.reaches(
        id,
        ({ progress }) => progress.step?.includes('cannot stop it any more') ?? false,
      );
      expect(told).toMatchObject({ status: 'running', cancelRequested: true });
      expect(await house.customer.ended(id)).toMatchObject({ status: 'succeeded' });
    });
    expect({ calls, charged }).toEqual({ calls: 1, charged: PRICE });
  });
});

it('leaves the ledger exact after all of them', async () => {
  expect(await house.house.faultsInLedger()).toEqual([]);
});
