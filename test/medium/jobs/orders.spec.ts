import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ledger } from '../../../src/credits/index.js';
import { JobSubmission, type JobOrder } from '../../../src/jobs/job-submission.js';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;

beforeAll(async () => {
  house = await House.start({
    databaseUrl: database.url,
    roles: 'api',
    sandboxes: 0,
    environment: { PRICES: 'product-backgrounds=1' },
  });
  await house.addAwayInstance();
  customer = await house.customer();
});
afterAll(() => house.stop());

const order = (who: Customer, headers: Record<string, string> = {}, fields: object = {}) =>
  who.fetch('/v1/comfy/product-backgrounds', {
    method: 'POST',
    headers,
    body: JSON.stringify({ imageId: who.imageId, prompt: 'on marble', ...fields }),
  });

const jobsOf = async (who: Customer) =>
  (await house.database.one<{ count: number }>('SELECT count(*) FROM jobs WHERE user_id = $1', [
    who.id,
  ]))!.count;

const orderOf = (kind: JobOrder['kind'], title = 'an order'): JobOrder => ({
  kind,
  workflow: 'product-backgrounds',
  title,
  parameters: {},
  inputs: [],
});

const submitTogether = (who: Customer, orders: readonly JobOrder[]) =>
  house.database.transaction(() =>
    Promise.all(orders.map((each) => house.app.get(JobSubmission).submit(who, each))),
  );

describe('the place in the queue', () => {
  it('is exact for each job, and the next person’s first job comes early', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push((await customer.order()).id);
    const other = await house.customer();
    const late = await other.order();
    expect(late.queue?.position).toBe(2);
    const positions = await Promise.all(
      ids.map(async (id) => (await customer.job(id)).queue?.position),
    );
    expect(positions).toEqual([1, 3, 4, 5, 6]);
    const list = await customer.json<{ items: { id: string; queue: { position: number } }[] }>(
      '/v1/jobs',
    );
    expect(list.items.map((job) => job.queue.position)).toEqual([6, 5, 4, 3, 1]);
  });

  it('is still known far back', async () => {
    const far = await house.customer();
    const [first] = [await far.order()];
    await house.database.query(
      `INSERT INTO jobs (id, user_id, kind, workflow, title, parameters, credits, turn, queue_expires_at)
       SELECT gen_random_uuid(), user_id, kind, workflow, title, '{}', 0, turn + g, now() + interval '1 day'
       FROM jobs, generate_series(1, 2000) g WHERE id = $1`,
      [first!.id],
    );
    await house.database.query(`UPDATE turns SET last_turn = last_turn + 2000 WHERE user_id = $1`, [
      far.id,
    ]);
    const last = await far.order();
    expect(last.queue?.position).toBeGreaterThan(2_000);
    await house.database.query(
      `UPDATE jobs SET status = 'cancelled', finished_at = now() WHERE parameters = '{}'`,
    );
  });
});

describe('submit', () => {
  it('accepts exactly what the balance pays for, from 20 connections at once', async () => {
    const poor = await house.customer();
    const { available } = await poor.credits();
    await house.app.get(Ledger).grant({ userId: poor.id, amount: 200 - available, reason: 'test' });
    const statuses: number[] = [];
    const lane = async () => {
      for (let n = 0; n < 20; n += 1) statuses.push((await order(poor)).status);
    };
    await Promise.all(Array.from({ length: 20 }, lane));
    expect(statuses.filter((status) => status === 202)).toHaveLength(200);
    expect(statuses.filter((status) => status === 402)).toHaveLength(200);
    expect(await poor.credits()).toEqual({ available: 0, reserved: 200 });
    expect(await house.faultsInLedger()).toEqual([]);
  });

  it('makes one job and one reservation of 50 parallel posts with one key', async () => {
    const who = await house.customer();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => order(who, { 'idempotency-key': 'one' })),
    );
    const statuses = new Set(answers.map((answer) => answer.status));
    expect([...statuses].every((status) => status === 202 || status === 409)).toBe(true);
    const bodies = await Promise.all(
      answers.filter((answer) => answer.status === 202).map((answer) => answer.text()),
    );
    expect(new Set(bodies).size).toBe(1);
    expect(await jobsOf(who)).toBe(1);
    expect((await order(who, { 'idempotency-key': 'one' }, { prompt: 'on wood' })).status).toBe(
      422,
    );
    const stranger = await house.customer();
    expect((await order(stranger, { 'idempotency-key': 'one' })).status).toBe(202);
  });

  it('makes one job of each key of many that are posted together', async () => {
    const who = await house.customer();
    const post = async (n: number) => {
      const answer = await order(who, { 'idempotency-key': `key ${n % 10}` });
      return { status: answer.status, id: ((await answer.json()) as { id?: string }).id };
    };
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => post(n)));
    expect(answers.filter(({ status }) => status !== 202 && status !== 409)).toEqual([]);
    expect(new Set(answers.flatMap(({ id }) => id ?? [])).size).toBe(10);
    expect(await jobsOf(who)).toBe(10);
    expect(await who.credits()).toMatchObject({ reserved: 10 });
    expect(await house.faultsInLedger()).toEqual([]);
  });

  it('writes many of one transaction as if they had come one after the other', async () => {
    const who = await house.customer();
    await who.order();
    const { available } = await who.credits();
    const orders = Array.from({ length: 9 }, (_, n) => ({
      ...orderOf(n % 3 === 0 ? 'tool' : 'comfy', `order ${n}`),
      inputs: n % 2 === 0 ? [{ role: `role ${n}`, fileId: who.imageId }] : [],
    }));
    await submitTogether(who, orders);
    const rows = await house.database.query<{ kind: string; title: string; roles: string[] }>(
      `SELECT kind, title, ARRAY(SELECT role FROM job_inputs WHERE job_id = jobs.id) AS roles
       FROM jobs WHERE user_id = $1 AND title LIKE 'order %' ORDER BY sequence`,
      [who.id],
    );
    expect(rows).toEqual(
      orders.map(({ kind, title, inputs }) => ({ kind, title, roles: inputs.map((i) => i.role) })),
    );
    const turns = await house.database.query<{ kind: string; steps: number[]; isLast: boolean }>(
      `SELECT kind, array_agg((turn - before)::int ORDER BY sequence) AS steps,
         max(turn) = (SELECT last_turn FROM turns WHERE kind = own.kind AND user_id = $1) AS "isLast"
       FROM (SELECT *, coalesce(lag(turn) OVER (PARTITION BY kind ORDER BY sequence), turn - 1) AS before
             FROM jobs WHERE user_id = $1) AS own GROUP BY kind ORDER BY kind`,
      [who.id],
    );
    expect(turns).toEqual([
      { kind: 'comfy', steps: Array(7).fill(1), isLast: true },
      { kind: 'tool', steps: Array(3).fill(1), isLast: true },
    ]);
    const entries = await house.database.query<{ title: string; left: number }>(
      `SELECT title, available_after AS left FROM credit_entries JOIN jobs ON jobs.id = job_id
       WHERE credit_entries.user_id = $1 AND title LIKE 'order %' ORDER BY credit_entries.sequence`,
      [who.id],
    );
    expect(entries).toEqual(orders.map(({ title }, n) => ({ title, left: available - n - 1 })));
    expect(await house.faultsInLedger()).toEqual([]);
  });

  it('writes none of one transaction when one of them cannot be', async () => {
    const [who, stranger] = [await house.customer(), await house.customer()];
    const before = await who.credits();
    const foreign = { ...orderOf('comfy'), inputs: [{ role: 'image', fileId: stranger.imageId }] };
    await expect(submitTogether(who, [orderOf('comfy'), foreign])).rejects.toMatchObject({
      code: 'files.not_found',
    });
    expect(await who.credits()).toEqual(before);
    expect(await jobsOf(who)).toBe(0);
  });

  it('does not keep a 402 under a key', async () => {
    const who = await house.customer();
    const { available } = await who.credits();
    const ledger = house.app.get(Ledger);
    await ledger.grant({ userId: who.id, amount: -available, reason: 'test' });
    expect((await order(who, { 'idempotency-key': 'k' })).status).toBe(402);
    await ledger.grant({ userId: who.id, amount: 1, reason: 'test' });
    expect((await order(who, { 'idempotency-key': 'k' })).status).toBe(202);
  });

  it('charges nothing for a request that is refused', async () => {
    const who = await house.customer();
    const before = await who.credits();
    const stranger = await house.customer();
    const refused = [
      [{ imageId: crypto.randomUUID() }, 404, 'files.not_found'],
      [{ imageId: stranger.imageId }, 404, 'files.not_found'],
      [{ imageId: 'x' }, 400, 'http.validation_failed'],
      [{ prompt: '' }, 400, 'http.validation_failed'],
      [{ prompt: 7 }, 400, 'http.validation_failed'],
      [{ seed: 2 ** 53 }, 400, 'http.validation_failed'],
      [{ steps: 5 }, 400, 'http.validation_failed'],
    ] as const;
    for (const [fields, status, code] of refused) {
      const answer = await order(who, {}, fields);
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
        status,
        code,
      ]);
    }
    expect(await who.credits()).toEqual(before);
    expect(await jobsOf(who)).toBe(0);
  });
});

describe('a file that an open job uses', () => {
  it('cannot be deleted until the job has ended', async () => {
    const who = await house.customer();
    const { id } = await who.order();
    const remove = () => who.fetch(`/v1/files/${who.imageId}`, { method: 'DELETE' });
    const refused = await remove();
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
      409,
      'files.in_use',
    ]);
    await who.json(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    expect((await remove()).status).toBe(204);
  });

  it('is shown by the job until it is deleted, however often one asks', async () => {
    const who = await house.customer();
    const { id, inputs } = await who.order();
    expect(inputs.map((file) => file.id)).toEqual([who.imageId]);
    for (const _ of [1, 2]) expect((await who.job(id)).inputs).toEqual(inputs);
    await who.json(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    await who.fetch(`/v1/files/${who.imageId}`, { method: 'DELETE' });
    for (const _ of [1, 2]) expect((await who.job(id)).inputs).toEqual([]);
  });
});

describe('erasure', () => {
  it('ends open jobs without a charge and leaves no words in their rows', async () => {
    const who = await house.customer();
    const { id } = await who.order();
    expect((await who.fetch('/v1/me', { method: 'DELETE' })).ok).toBe(true);
    const row = () =>
      house.database.one<{ status: string; parameters: object }>(
        'SELECT status, parameters FROM jobs WHERE id = $1',
        [id],
      );
    expect((await row())?.status).toBe('cancelled');
    await expect.poll(async () => (await row())?.parameters, { timeout: 5_000 }).toEqual({});
    expect(await house.faultsInLedger()).toEqual([]);
  });
});
