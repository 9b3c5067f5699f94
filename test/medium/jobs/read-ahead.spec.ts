import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Sessions } from '../../../src/auth/sessions/sessions.service.js';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;
let jobId: string;

beforeAll(async () => {
  house = await House.start({
    databaseUrl: database.url,
    roles: 'api',
    sandboxes: 0,
  });
  await house.addAwayInstance();
  customer = await house.customer();
  jobId = (await customer.order()).id;
});
afterAll(() => house.stop());

/** The names of the statements of each round that `ask` causes. */
const roundsOf = async (ask: () => Promise<unknown>): Promise<string[][]> => {
  const sent = vi.spyOn(house.database, 'sendTogether');
  await ask();
  const rounds = sent.mock.calls.map(([statements]) => statements.map(({ name }) => name).sort());
  sent.mockRestore();
  return rounds;
};

const answerTo = async (token: string, id = jobId) => {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${house.url}/v1/jobs/${id}`, { headers });
  const { code, inputs } = (await response.json()) as { code?: string; inputs?: unknown[] };
  return { status: response.status, code, inputs: inputs?.length };
};

describe('an order', () => {
  it('is answered with what its transaction read of it', async () => {
    const rounds = await roundsOf(async () => {
      const job = await customer.order({ prompt: 'on slate' });
      expect(job).toMatchObject({ status: 'queued', parameters: { prompt: 'on slate' } });
      expect(job.inputs.map(({ id }) => id)).toEqual([customer.imageId]);
      expect(job.queue?.position).toBeGreaterThan(1);
    });
    expect(rounds).toEqual([['callers'], ['insert-jobs', 'whole-jobs']]);
  });

  it('is answered with its own job when many share a transaction', async () => {
    const prompts = Array.from({ length: 12 }, (_, n) => `on shelf ${n}`);
    const jobs = await Promise.all(prompts.map((prompt) => customer.order({ prompt })));
    expect(jobs.map(({ parameters }) => parameters['prompt'])).toEqual(prompts);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(prompts.length);
    expect(await Promise.all(jobs.map(({ id }) => customer.job(id)))).toMatchObject(
      jobs.map(({ id, parameters, inputs }) => ({
        id,
        parameters,
        inputs: inputs.map((input) => ({ id: input.id })),
      })),
    );
  });
});

describe('the job that is read while the guard looks at the caller', () => {
  it('comes with the caller and its files in one round', async () => {
    await customer.job(jobId);
    const rounds = await roundsOf(() => customer.job(jobId));
    expect(rounds).toEqual([['callers', 'stored-files', 'whole-jobs']]);
  });

  it('is shown as it is now, each time', async () => {
    const { id } = await customer.order();
    expect((await customer.job(id)).status).toBe('queued');
    await customer.json(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    expect((await customer.job(id)).status).toBe('cancelled');
  });

  it('is shown for an API key, which is looked up before', async () => {
    const { key } = await customer.json<{ key: string }>('/v1/me/api-keys', {
      method: 'POST',
      body: JSON.stringify({ name: 'shop' }),
    });
    expect(await answerTo(key)).toEqual({ status: 200, code: undefined, inputs: 1 });
  });

  it('is not shown to others, and is not even read for a token that is not ours', async () => {
    const other = await house.customer();
    expect(await answerTo(other.token)).toMatchObject({ status: 404, code: 'jobs.not_found' });
    const refused = { status: 401, code: 'http.unauthorized' };
    const forged = `${customer.token.slice(0, -4)}AAAA`;
    const rounds = await roundsOf(async () => {
      expect(await answerTo(forged)).toMatchObject(refused);
      expect(await answerTo('hom_none')).toMatchObject(refused);
    });
    expect(rounds).toEqual([]);
    await house.app.get(Sessions).endAll(other.id, 'ended');
    expect(await answerTo(other.token)).toMatchObject(refused);
  });

  it('is missed under an id that nobody has, and under text that is no id', async () => {
    const { token } = customer;
    expect(await answerTo(token, randomUUID())).toMatchObject({ code: 'jobs.not_found' });
    expect(await answerTo(token, 'none')).toMatchObject({ code: 'http.not_found' });
    expect(await answerTo(token, '%00')).toMatchObject({ code: 'http.not_found' });
    expect(await answerTo(token, jobId.toUpperCase())).toMatchObject({ status: 200, inputs: 1 });
  });
});
