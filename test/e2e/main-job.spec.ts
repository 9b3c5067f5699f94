import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, eventually, House } from './support/house.js';
import {
  bytesOf,
  CUP,
  pictureForm,
  PROMPT,
  type FileJson,
  type JobJson,
  type StreamEvent,
  type Visitor,
} from './support/visitor.js';

const ENDS: readonly unknown[] = ['succeeded', 'failed', 'cancelled'];
const ORDERS = '/v1/comfy/product-backgrounds';

let house: House;
let person: Visitor;
let cup: FileJson;

beforeAll(async () => {
  house = await House.start();
  person = await house.signUp();
  cup = await person.upload();
});
afterAll(() => house.remove());

const eventsOf = async (
  jobId: string,
  options?: Parameters<Visitor['events']>[1],
): Promise<StreamEvent[]> => {
  const events: StreamEvent[] = [];
  for await (const event of person.events(jobId, options)) events.push(event);
  return events;
};

const basic = (email: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${email}:${password}`).toString('base64')}`,
});

describe('the events of a job', () => {
  let job: JobJson;
  let seen: StreamEvent[];
  beforeAll(async () => {
    const answer = await person.order(cup.id);
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`/v1/jobs/${answer.body.id}`);
    job = answer.body;
    seen = await eventsOf(job.id);
  });

  it('begin with a snapshot, rise in ids and percent, and close with the end', () => {
    expect(seen[0]?.type).toBe('snapshot');
    const ids = seen.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(seen.map(({ type }) => type)).toEqual(expect.arrayContaining(['progress', 'preview']));
    const percents = seen
      .filter(({ type }) => type === 'progress')
      .map(({ data }) => Number(data['percent']));
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(seen.at(-1)).toMatchObject({ type: 'status', data: { status: 'succeeded' } });
  });

  it('are told again from any point without a gap, and after the end there is nothing more', async () => {
    const kept = seen.filter(({ type }) => type === 'status' || type === 'progress');
    const middle = kept[Math.floor(kept.length / 2)];
    const again = await eventsOf(job.id, { lastEventId: middle?.id ?? 0 });
    expect(again.at(-1)).toMatchObject({ type: 'status', data: { status: 'succeeded' } });
    expect(again.at(-1)?.id).toBe(seen.at(-1)?.id);
    for (const { id } of again) expect(id).toBeGreaterThan(middle?.id ?? 0);
    const after = await person.fetch(`/v1/jobs/${job.id}/events`, {
      headers: { 'last-event-id': String(seen.at(-1)?.id) },
    });
    expect(after.status).toBe(204);
  });

  it('open with a token in the address, for this job only', async () => {
    const other = (await person.order(cup.id)).body;
    const { status, body } = await person.post<{ token: string }>(
      `/v1/jobs/${other.id}/stream-token`,
    );
    expect(status).toBe(201);
    const open = (id: string) =>
      house.stranger().fetch(`/v1/jobs/${id}/events?token=${encodeURIComponent(body.token)}`);
    const stream = await open(other.id);
    expect(stream.status).toBe(200);
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    await stream.body?.cancel();
    expect((await open(job.id)).status).toBeGreaterThanOrEqual(401);
    expect((await house.stranger().fetch(`/v1/jobs/${other.id}/events`)).status).toBe(401);
    expect(house.printed).not.toContain(body.token);
    await person.post(`/v1/jobs/${other.id}/cancel`);
  });
});

describe('an order', () => {
  it('waits for its end when asked to, and says what it cost', async () => {
    const { status, body } = await person.order(cup.id, { prefer: 'wait=60' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'succeeded', credits: { captured: 5 } });
    expect(body.parameters['seed']).toEqual(expect.any(Number));
  });

  it('with a key is made once, as JSON and as a form, and another body is refused', async () => {
    const json = { 'idempotency-key': 'the-same-json' };
    const first = await person.order(cup.id, json);
    expect((await person.order(cup.id, json)).body.id).toBe(first.body.id);
    const other = await person.order(cup.id, json, { prompt: 'on sand' });
    expect(other.status).toBe(422);

    const form = async () =>
      person.post<JobJson>(ORDERS, pictureForm('image', await bytesOf(CUP), { prompt: PROMPT }), {
        'idempotency-key': 'the-same-form',
      });
    const second = await form();
    expect(second.status).toBe(202);
    expect((await form()).body.id).toBe(second.body.id);
    expect(second.body.id).not.toBe(first.body.id);
    for (const { body } of [first, second]) await person.post(`/v1/jobs/${body.id}/cancel`);
  });

  it('is cancelled, waiting or running, without a charge', async () => {
    const jobs = [(await person.order(cup.id)).body, (await person.order(cup.id)).body];
    for await (const { type, data } of person.events(jobs[0]?.id ?? '')) {
      if (type === 'progress' && Number(data['percent']) > 0) break;
    }
    for (const { id } of jobs) await person.post(`/v1/jobs/${id}/cancel`);
    for (const { id } of jobs) {
      const events = await eventsOf(id, { lastEventId: 0 });
      expect(ENDS).toContain(events.at(-1)?.data['status']);
      expect((await person.job(id)).status).toBe('cancelled');
    }
    const entries = await person.entries();
    for (const { id } of jobs) {
      const own = entries.filter(({ jobId }) => jobId === id).map(({ type }) => type);
      expect(own).toEqual(['reserve', 'release']);
    }
  });
});

describe('Bull Board', () => {
  it('lets admins in, nobody else, and shows a job that waits or ran', async () => {
    const { body: job } = await person.order(cup.id);
    const open = (headers: Record<string, string> = {}) =>
      house.stranger().fetch('/admin/queues', { headers });
    const refused = await open();
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Basic/);
    expect((await open(basic(person.email, 'three cups before noon'))).status).toBe(401);
    expect((await open(basic(ADMIN.email, 'wrong'))).status).toBe(401);
    const page = await open(basic(ADMIN.email, ADMIN.password));
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('House of Models');
    const board = async (queue: string) => {
      const response = await house
        .stranger()
        .fetch(`/admin/queues/api/queues?activeQueue=${queue}&status=latest`, {
          headers: basic(ADMIN.email, ADMIN.password),
        });
      return (await response.json()) as { queues: { name: string; jobs: object[] }[] };
    };
    const name = (await board('')).queues[0]?.name ?? '';
    const isShown = async () => JSON.stringify(await board(name)).includes(job.id);
    expect(await eventually(isShown, 20_000)).toBe(true);
    await person.post(`/v1/jobs/${job.id}/cancel`);
  });
});

describe('the documents', () => {
  interface Operation {
    readonly summary?: string;
    readonly security?: readonly object[];
    readonly responses?: Readonly<Record<string, { readonly content?: object }>>;
    readonly requestBody?: { readonly content: Readonly<Record<string, object>> };
  }

  it('describe each route with a summary and its errors, and bodies with examples', async () => {
    const { status, body } = await person.get<{
      paths: Record<string, Record<string, Operation>>;
      components: { schemas: Record<string, { properties?: Record<string, object> }> };
    }>('/openapi.json');
    expect(status).toBe(200);
    const operations = Object.entries(body.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
    );
    expect(operations.length).toBeGreaterThan(50);
    const poor = operations.filter(
      ({ operation }) => !operation.summary || !Object.keys(operation.responses ?? {}).length,
    );
    expect(poor.map(({ name }) => name)).toEqual([]);
    expect(body.paths[ORDERS]?.['post']?.security).toBeDefined();
    expect(Object.keys(body.paths[ORDERS]?.['post']?.requestBody?.content ?? {})).toEqual(
      expect.arrayContaining(['application/json', 'multipart/form-data']),
    );
  });

  it('are readable at /docs', async () => {
    const page = await house.stranger().fetch('/docs');
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('swagger-ui');
  });
});
