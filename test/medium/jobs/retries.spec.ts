import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ledger } from '../../../src/credits/index.js';
import type { JobView } from '../../../src/jobs/index.js';
import { House, until, type Customer } from '../../support/house.js';
import { refusal } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let house: House;
let admin: Customer;

beforeAll(async () => {
  house = await House.start({ databaseUrl: database.url });
  admin = await house.customer('admin');
});
afterAll(() => house.stop());

const retry = (id: string, headers: Record<string, string> = {}, who = admin) =>
  who.fetch(`/v1/admin/jobs/${id}/retry`, { method: 'POST', headers });

const failedJob = async (customer: Customer): Promise<JobView> => {
  // A job that still runs, such as an earlier retry, would take the fault for itself.
  await until(
    async () =>
      (await house.database.query('SELECT 1 FROM jobs WHERE finished_at IS NULL')).length === 0,
  );
  await house.fault({ kind: 'node-error', node: 'KSamplerAdvanced', message: 'out of luck' });
  const job = await customer.ended((await customer.order()).id, 90_000);
  await house.clearFaults();
  expect(job.status).toBe('failed');
  return job;
};

const entriesOf = (jobId: string) =>
  house.database.query(
    `SELECT type, available_delta AS available, reserved_delta AS reserved FROM credit_entries
     WHERE job_id = $1 ORDER BY sequence`,
    [jobId],
  );

describe('a retry of a failed job', () => {
  it('is a new job that runs, is charged once and is told of, while the old one stays ended', async () => {
    const customer = await house.customer();
    const failed = await failedJob(customer);
    const answer = await retry(failed.id);
    expect(answer.status).toBe(202);
    const made = (await answer.json()) as JobView;
    expect(answer.headers.get('location')).toBe(`/v1/jobs/${made.id}`);
    expect(made).toMatchObject({
      status: 'queued',
      retryOf: failed.id,
      parameters: failed.parameters,
      credits: { reserved: 5, captured: 0 },
    });
    expect(made.inputs.map(({ id }) => id)).toEqual(failed.inputs.map(({ id }) => id));

    const events = await (await customer.fetch(`/v1/jobs/${made.id}/events`)).text();
    expect(events).toMatch(/event: status\n[^]*"succeeded"/);
    expect(await customer.job(made.id)).toMatchObject({
      status: 'succeeded',
      outputs: expect.arrayContaining([expect.objectContaining({ name: 'image' })]) as unknown,
    });
    const { status, error, finishedAt, outputs, credits, retryOf } = await customer.job(failed.id);
    expect({ status, error, finishedAt, outputs, credits, retryOf }).toEqual({
      status: 'failed',
      error: failed.error,
      finishedAt: failed.finishedAt,
      outputs: [],
      credits: { reserved: 0, captured: 0 },
      retryOf: null,
    });
    expect(await entriesOf(made.id)).toEqual([
      { type: 'reserve', available: -5, reserved: 5 },
      { type: 'capture', available: 0, reserved: -5 },
    ]);
    expect((await entriesOf(failed.id)).map((entry) => (entry as { type: string }).type)).toEqual([
      'reserve',
      'release',
    ]);
    expect(await house.faultsInLedger()).toEqual([]);
    expect(
      await house.database.query(
        `SELECT starts FROM jobs WHERE id IN ($1, $2) ORDER BY created_at`,
        [failed.id, made.id],
      ),
    ).toEqual([{ starts: 1 }, { starts: 1 }]);
    expect(
      await house.database.query(`SELECT topic FROM outbox WHERE payload->>'jobId' = $1`, [
        made.id,
      ]),
    ).toEqual([{ topic: 'job.succeeded' }]);
    const { items } = await admin.json<{ items: object[] }>(
      `/v1/admin/audit-events?kind=jobs.job-retried&personId=${customer.id}`,
    );
    expect(items).toMatchObject([
      {
        actorId: admin.id,
        subjectId: customer.id,
        details: { jobId: failed.id, retryId: made.id },
      },
    ]);
  });

  it('happens once: by its key, by repeats without one, and from ten admins at once', async () => {
    const customer = await house.customer();
    const failed = await failedJob(customer);
    const key = { 'idempotency-key': randomUUID() };
    const first = (await (await retry(failed.id, key)).json()) as JobView;
    const again = await retry(failed.id, key);
    expect([again.status, ((await again.json()) as JobView).id]).toEqual([202, first.id]);
    expect(await refusal(await retry(failed.id))).toBe('409 jobs.already_retried');

    // Else its prompt may be the one that the next fault strikes.
    await customer.ended(first.id, 90_000);
    const other = await failedJob(customer);
    const answers = await Promise.all(Array.from({ length: 10 }, () => retry(other.id)));
    const accepted = answers.filter(({ status }) => status === 202);
    expect(accepted).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(9);
  });

  it('can be retried itself when it fails too', async () => {
    const customer = await house.customer();
    const failed = await failedJob(customer);
    await house.fault({ kind: 'node-error', node: 'KSamplerAdvanced', message: 'again' });
    const second = (await (await retry(failed.id)).json()) as JobView;
    expect((await customer.ended(second.id)).status).toBe('failed');
    await house.clearFaults();
    const third = (await (await retry(second.id)).json()) as JobView;
    expect((await customer.ended(third.id)).status).toBe('succeeded');
  });
});

describe('a retry is refused', () => {
  it('for what is open, has succeeded or does not exist, and to everybody but admins', async () => {
    const customer = await house.customer();
    const good = await customer.ended((await customer.order()).id);
    expect(await refusal(await retry(good.id))).toBe('409 jobs.not_retryable');
    await house.fault({ kind: 'slow', node: 'KSamplerAdvanced', ms: 1_000 });
    const open = await customer.order();
    expect(await refusal(await retry(open.id))).toBe('409 jobs.not_retryable');
    expect(await refusal(await retry(randomUUID()))).toBe('404 jobs.not_found');
    expect(await refusal(await retry(good.id, {}, customer))).toBe('403 http.forbidden');
    await customer.fetch(`/v1/jobs/${open.id}/cancel`, { method: 'POST' });
    await customer.ended(open.id);
    expect((await retry(open.id)).status).toBe(202);
  });

  it('with 402 while the owner has too little, and nothing is left behind', async () => {
    const customer = await house.customer();
    const failed = await failedJob(customer);
    const { available } = await customer.credits();
    const ledger = house.app.get(Ledger);
    await ledger.grant({ userId: customer.id, amount: 4 - available, reason: 'test' });
    const key = { 'idempotency-key': randomUUID() };
    const refused = await retry(failed.id, key);
    expect(refused.status).toBe(402);
    expect(await refused.json()).toMatchObject({
      code: 'credits.insufficient',
      needed: 5,
      available: 4,
    });
    expect(await customer.credits()).toEqual({ available: 4, reserved: 0 });
    await ledger.grant({ userId: customer.id, amount: 1, reason: 'test' });
    expect((await retry(failed.id, key)).status).toBe(202);
    expect(await customer.credits()).toMatchObject({ available: 0 });
  });

  it('when a picture is gone, or its person is locked out', async () => {
    const customer = await house.customer();
    const failed = await failedJob(customer);
    // The same bytes would be the same file.
    customer.imageId = await customer.save(await readFile('samples/garment-striped-shirt.png'));
    const other = await failedJob(customer);
    const gone = await customer.fetch(`/v1/files/${customer.imageId}`, { method: 'DELETE' });
    expect(gone.status).toBe(204);
    expect(await refusal(await retry(other.id))).toBe('409 jobs.not_retryable');
    await admin.json(`/v1/admin/users/${customer.id}/suspend`, {
      method: 'POST',
      body: JSON.stringify({ reason: 'test' }),
    });
    expect(await refusal(await retry(failed.id))).toBe('409 jobs.not_retryable');
    await admin.json(`/v1/admin/users/${customer.id}/restore`, { method: 'POST' });
    expect((await retry(failed.id)).status).toBe(202);
    expect(await house.faultsInLedger()).toEqual([]);
  });
});
