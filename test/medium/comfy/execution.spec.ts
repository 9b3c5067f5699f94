import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { House, until, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;

beforeAll(async () => {
  house = await House.start({ databaseUrl: database.url, gpuMs: 300 });
  customer = await house.customer();
});
afterEach(async () => {
  await house.clearFaults();
  expect(await house.faultsInLedger()).toEqual([]);
});
afterAll(() => house.stop());

const promptsOf = (jobId: string) =>
  house.database.query<{ id: string; outcome: string; ran: boolean }>(
    `SELECT prompt_id AS id, outcome, running_at IS NOT NULL AS ran FROM job_prompts
     WHERE job_id = $1 ORDER BY minted_at`,
    [jobId],
  );

const startsOf = async (jobId: string) =>
  (await house.database.one<{ starts: number }>('SELECT starts FROM jobs WHERE id = $1', [jobId]))
    ?.starts;

describe('a job on a healthy ComfyUI', () => {
  it('succeeds with its outputs, one start, one capture and nothing left in history', async () => {
    const { available } = await customer.credits();
    const ordered = await customer.order();
    expect(ordered.status).toBe('queued');
    const job = await customer.ended(ordered.id);
    expect(job).toMatchObject({
      status: 'succeeded',
      progress: { percent: 100 },
      credits: { reserved: 0, captured: 5 },
    });
    expect(job.outputs.map((output) => output.name)).toEqual(['image', 'mask']);
    expect(job.outputs[0]?.file).toMatchObject({ width: 600, height: 400, mimeType: 'image/png' });
    expect(await customer.credits()).toEqual({ available: available - 5, reserved: 0 });
    const prompts = await promptsOf(job.id);
    expect(prompts).toMatchObject([{ outcome: 'succeeded', ran: true }]);
    expect(await startsOf(job.id)).toBe(1);
    await until(async () => {
      const history = await fetch(`${house.sandboxes[0]!.url}/history/${prompts[0]!.id}`);
      return Object.keys((await history.json()) as object).length === 0;
    });
  });

  it('keeps the order of a person’s jobs', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 4; n += 1) ids.push((await customer.order()).id);
    const jobs = await Promise.all(ids.map((id) => customer.ended(id)));
    const started = jobs.map((job) => new Date(job.startedAt!).getTime());
    expect(started).toEqual(started.toSorted((a, b) => a - b));
  });
});

describe('a connection to PostgreSQL that breaks while the start is noted', () => {
  it('costs no second start', async () => {
    await customer.order();
    const staged = await customer.order();
    await until(async () => (await promptsOf(staged.id)).length === 1);
    await house.database.transaction(async () => {
      await house.database.query('SELECT 1 FROM job_prompts WHERE job_id = $1 FOR UPDATE', [
        staged.id,
      ]);
      await until(async () => {
        // Outside of the transaction, which would see the same picture of all connections again and again.
        const broken = await house.database.apart(() =>
          house.database.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%SET running_at%'`,
          ),
        );
        return broken.length === 1;
      });
    });
    expect((await customer.ended(staged.id)).status).toBe('succeeded');
    expect(await promptsOf(staged.id)).toMatchObject([{ outcome: 'succeeded', ran: true }]);
    expect(await startsOf(staged.id)).toBe(1);
  });
});

describe('a socket that cannot be believed', () => {
  it.each(['mute', 'cut-sockets', 'half-open', 'noise'])(
    'completes a job in spite of %s',
    async (kind) => {
      const { id } = await customer.order();
      await house.fault({ kind });
      const job = await customer.ended(id, 15_000);
      expect(job.status).toBe('succeeded');
      const [prompt] = await promptsOf(id);
      const execution = (await house.executions()).find((one) => one.prompt_id === prompt?.id);
      // From ComfyUI's end to the moment we knew; what follows is storing, at the machine's own pace.
      const noticed = await house.database.one<{ at: Date }>(
        `SELECT created_at AS at FROM job_events WHERE job_id = $1 AND data->>'step' = 'Saving the result'`,
        [id],
      );
      expect(noticed!.at.getTime() - (execution?.ended ?? 0)).toBeLessThan(3_000);
      expect(await startsOf(id)).toBe(1);
    },
  );

  it('waits for a history entry that comes late', async () => {
    await house.fault({ kind: 'late-history', ms: 3_000 });
    const { id } = await customer.order();
    const job = await customer.ended(id);
    expect(job.status).toBe('succeeded');
    expect(job.outputs).toHaveLength(2);
    expect(await startsOf(id)).toBe(1);
  });
});

describe('errors of the GPU', () => {
  it('frees memory and tries once more after an out-of-memory error', async () => {
    await house.fault({ kind: 'oom', node: 'KSamplerAdvanced' });
    const { id } = await customer.order();
    expect((await customer.ended(id)).status).toBe('succeeded');
    expect((await promptsOf(id)).map((prompt) => prompt.outcome)).toEqual([
      'out_of_memory',
      'succeeded',
    ]);
  });

  it('fails without a charge when memory runs out twice', async () => {
    const before = await customer.credits();
    await house.fault({ kind: 'oom', node: 'KSamplerAdvanced', times: 0 });
    const { id } = await customer.order();
    const job = await customer.ended(id);
    expect(job).toMatchObject({
      status: 'failed',
      error: { code: 'comfy.out_of_memory', retryable: true },
    });
    expect(await customer.credits()).toEqual(before);
  });

  it('names the node and no server path when a node fails', async () => {
    await house.fault({
      kind: 'node-error',
      node: 'VAEDecode',
      message: 'broke in /opt/ComfyUI/nodes.py',
    });
    const { id } = await customer.order();
    const job = await customer.ended(id);
    expect(job.error).toMatchObject({
      code: 'comfy.node_failed',
      message: expect.stringContaining('VAEDecode'),
    });
    expect(JSON.stringify(job)).not.toContain('/opt/');
  });

  it.each(['garbage-output', 'missing-output'])('fails without a charge on %s', async (kind) => {
    const before = await customer.credits();
    await house.fault({ kind });
    const { id } = await customer.order();
    expect(await customer.ended(id)).toMatchObject({
      status: 'failed',
      error: { code: 'comfy.output_missing' },
    });
    expect(await customer.credits()).toEqual(before);
  });
});

describe('POST /prompt that is not answered', () => {
  it.each([
    { status: 500, isQueueSilent: false },
    { status: 500, isQueueSilent: true },
    { status: 0, isQueueSilent: false },
  ])(
    'does not run a prompt twice after a lost reply ($status, queue silent: $isQueueSilent)',
    async ({ status, isQueueSilent }) => {
      await house.fault({ kind: 'lost-reply', status });
      if (isQueueSilent) await house.fault({ kind: 'http', path: '/queue', status: 500, times: 3 });
      const { id } = await customer.order();
      expect((await customer.ended(id, 60_000)).status).toBe('succeeded');
      const ran = (await promptsOf(id)).filter((prompt) => prompt.ran);
      const executed = (await house.executions()).filter((one) =>
        ran.some(({ id: own }) => own === one.prompt_id),
      );
      expect(executed).toHaveLength(1);
    },
    70_000,
  );
});

describe('cancel', () => {
  it('ends a job that waits at once and charges nothing', async () => {
    const before = await customer.credits();
    const ids = [await customer.order(), await customer.order(), await customer.order()].map(
      (job) => job.id,
    );
    const last = await customer.json<{ status: string }>(`/v1/jobs/${ids[2]}/cancel`, {
      method: 'POST',
    });
    expect(last.status).toBe('cancelled');
    await Promise.all(ids.map((id) => customer.ended(id)));
    expect(await customer.credits()).toEqual({ available: before.available - 10, reserved: 0 });
  });

  it('stops a running job, only that one, and frees the GPU', async () => {
    await house.fault({ kind: 'slow', node: 'KSamplerAdvanced', ms: 1_500 });
    const { id } = await customer.order();
    const { id: next } = await customer.order();
    await customer.reaches(id, (job) => job.status === 'running');
    const asked = Date.now();
    await customer.json(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    expect((await customer.ended(id)).status).toBe('cancelled');
    expect(Date.now() - asked).toBeLessThan(5_000);
    expect((await customer.ended(next)).status).toBe('succeeded');
    const response = await customer.fetch(`/v1/jobs/${next}/cancel`, { method: 'POST' });
    expect(response.status).toBe(409);
  });

  it('never touches a prompt of somebody else', async () => {
    const foreign = crypto.randomUUID();
    const graph = {
      1: { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 0 } },
    };
    const steps = {
      class_type: 'PeerSteps',
      inputs: { image: ['1', 0], steps: 20, step_ms: 100, preview: 'none', salt: 1 },
    };
    const save = {
      class_type: 'SaveImage',
      inputs: { images: ['2', 0], filename_prefix: 'foreign' },
    };
    const posted = await fetch(`${house.sandboxes[0]!.url}/prompt`, {
      method: 'POST',
      body: JSON.stringify({ prompt: { ...graph, 2: steps, 3: save }, prompt_id: foreign }),
    });
    expect(await posted.json()).toMatchObject({ node_errors: {} });
    const { id } = await customer.order();
    await sleep(300);
    await customer.json(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    expect((await customer.ended(id)).status).toBe('cancelled');
    await until(async () => {
      const history = (await (
        await fetch(`${house.sandboxes[0]!.url}/history/${foreign}`)
      ).json()) as Record<string, { status: { status_str: string } }>;
      return history[foreign]?.status.status_str === 'success';
    });
  });
});
