import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House, refusal } from './support/house.js';
import { hugePng } from './support/pictures.js';
import { bytesOf, CUP, pictureForm, PROMPT, Visitor, type Answer } from './support/visitor.js';

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>`;
const ORDERS = '/v1/comfy/product-backgrounds';

let house: House;
let person: Visitor;

beforeAll(async () => {
  house = await House.start({ environment: { SIGNUP_CREDITS: '20' } });
  person = await house.signUp();
});
afterAll(() => house.remove());

/** What the person has and has ordered: the same before and after a refusal. */
const books = async (visitor = person) => ({
  credits: await visitor.credits(),
  entries: (await visitor.entries()).length,
  jobs: await visitor.jobIds(),
});

const text = (words: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(words));

const truncated = async (): Promise<Uint8Array<ArrayBuffer>> => {
  const whole = await bytesOf(CUP);
  return whole.slice(0, Math.floor(whole.length / 2));
};

describe('a picture that is none', () => {
  const pictures: [string, () => Promise<Uint8Array<ArrayBuffer>>, string][] = [
    ['text', () => Promise.resolve(text('not a picture')), '415 files.unsupported_type'],
    ['an SVG', () => Promise.resolve(text(SVG)), '415 files.unsupported_type'],
    ['nothing at all', () => Promise.resolve(text('')), '415 files.unsupported_type'],
    ['a truncated PNG', truncated, '422 files.unreadable'],
    [
      '20,000 × 20,000 pixels',
      () => Promise.resolve(new Uint8Array(hugePng(20_000, 20_000))),
      '413 files.too_large',
    ],
    ['50 MB', () => Promise.resolve(new Uint8Array(50_000_000).fill(7)), '413 files.too_large'],
  ];

  it.each(pictures)('%s: the upload is refused and nothing is kept', async (_, bytes, code) => {
    const before = (await person.get<{ items: unknown[] }>('/v1/files')).body.items.length;
    const answer = await person.post('/v1/files', pictureForm('file', await bytes()));
    expect(refusal(answer)).toBe(code);
    expect((await person.get<{ items: unknown[] }>('/v1/files')).body.items).toHaveLength(before);
  });

  it.each(pictures)('%s: the order is refused and nothing is charged', async (_, bytes, code) => {
    const before = await books();
    const answer = await person.post(
      ORDERS,
      pictureForm('image', await bytes(), { prompt: PROMPT }),
    );
    expect(refusal(answer)).toBe(code);
    expect(await books()).toEqual(before);
  });
});

describe('a body that cannot be used', () => {
  const send = (body: string | Uint8Array<ArrayBuffer>, route = ORDERS): Promise<Answer> =>
    person.call(route, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });

  it('refuses 50 MB of JSON', async () => {
    const before = await books();
    const filler = new Uint8Array(50_000_000).fill('a'.charCodeAt(0));
    filler.set(text('{"prompt":"'));
    filler.set(text('"}'), filler.length - 2);
    expect(refusal(await send(filler))).toBe('413 http.body_too_large');
    expect(await books()).toEqual(before);
  });

  it.each([
    ['cut JSON', '{"prompt": "a'],
    ['single quotes', "{'prompt': 'a'}"],
    ['a bare word', 'prompt'],
  ])('refuses %s', async (_, body) => {
    const before = await books();
    const answer = await send(body);
    expect(refusal(answer)).toBe('400 http.malformed_json');
    expect(answer.body).toMatchObject({ requestId: answer.headers.get('x-request-id') });
    expect(await books()).toEqual(before);
  });

  it.each([
    ['an array', '[]'],
    ['no prompt', `{"imageId": "${randomUUID()}"}`],
    ['a prompt that is a number', `{"imageId": "${randomUUID()}", "prompt": 7}`],
    [
      'a seed past 2⁵³−1',
      `{"imageId": "${randomUUID()}", "prompt": "a", "seed": 9007199254740992}`,
    ],
    ['a field that does not exist', `{"imageId": "${randomUUID()}", "prompt": "a", "steps": 900}`],
    ['no image', '{"prompt": "a"}'],
    ['an image id that is none', '{"prompt": "a", "imageId": "../../etc/passwd"}'],
  ])('refuses %s and names the field', async (_, body) => {
    const image = await person.upload();
    const before = await books();
    const answer = await send(body.replace(/"[\da-f-]{36}"/, `"${image.id}"`));
    expect(refusal(answer)).toBe('400 http.validation_failed');
    expect(answer.body['errors']).toEqual([
      expect.objectContaining({ path: expect.any(String), message: expect.any(String) }),
    ]);
    expect(await books()).toEqual(before);
  });

  it('answers every refusal as problem+json without stack, SQL or path', async () => {
    const response = await person.fetch('/v1/jobs/7');
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    const problem = (await response.json()) as Record<string, unknown>;
    expect(problem).toMatchObject({
      type: expect.stringContaining('/problems/'),
      title: expect.any(String),
      status: response.status,
      detail: expect.any(String),
      code: expect.stringMatching(/^\w+\.\w+$/),
      requestId: response.headers.get('x-request-id'),
    });
    expect(JSON.stringify(problem)).not.toMatch(/node_modules|SELECT|\/work|\/home|at \w+ \(/);
    expect(await (await house.stranger().fetch(String(problem['type']))).text()).toContain(
      String(problem['code']),
    );
  });
});

describe('what is not there, or belongs to somebody else', () => {
  it('answers 404 to unknown ids and charges nothing', async () => {
    const before = await books();
    const id = randomUUID();
    const calls: [Promise<Answer<object>>, string][] = [
      [person.order(id), '404 files.not_found'],
      [person.get(`/v1/files/${id}`), '404 files.not_found'],
      [person.get(`/v1/jobs/${id}`), '404 jobs.not_found'],
      [person.post(`/v1/jobs/${id}/cancel`), '404 jobs.not_found'],
      [person.get(`/v1/jobs/${id}/events`), '404 jobs.not_found'],
      [
        person.post(`/v1/comfy/workflows/no-such-workflow/jobs`, {}),
        '404 comfy.workflow_not_found',
      ],
      [person.get('/v1/nothing-here'), '404 http.not_found'],
    ];
    for (const [answer, expected] of calls) expect(refusal(await answer)).toBe(expected);
    expect(await books()).toEqual(before);
  });

  it('answers the same to the ids of another person, whose things stay untouched', async () => {
    const other = await house.signUp('other');
    const image = await person.upload();
    const { body: job } = await person.order(image.id, { prefer: 'wait=60' });
    const result = job.outputs[0]?.file?.id;
    const before = [await books(), await books(other)];
    const calls: [Promise<Answer<object>>, string][] = [
      [other.order(image.id), '404 files.not_found'],
      [other.get(`/v1/files/${image.id}`), '404 files.not_found'],
      [other.get(`/v1/files/${result}/content`), '404 files.not_found'],
      [other.post(`/v1/files/${result}/links`, {}), '404 files.not_found'],
      [other.call(`/v1/files/${image.id}`, { method: 'DELETE' }), '404 files.not_found'],
      [other.get(`/v1/jobs/${job.id}`), '404 jobs.not_found'],
      [other.get(`/v1/jobs/${job.id}/events`), '404 jobs.not_found'],
      [other.get(`/v1/jobs/${job.id}/preview`), '404 jobs.not_found'],
      [other.post(`/v1/jobs/${job.id}/cancel`), '404 jobs.not_found'],
      [other.post(`/v1/jobs/${job.id}/stream-token`), '404 jobs.not_found'],
      [other.get(`/v1/jobs/${job.id}/emails`), '404 jobs.not_found'],
      [other.post(`/v1/jobs/${job.id}/emails`, {}), '404 jobs.not_found'],
    ];
    for (const [answer, expected] of calls) expect(refusal(await answer)).toBe(expected);
    expect([await books(), await books(other)]).toEqual(before);
  });

  it('asks a stranger to log in', async () => {
    const stranger = house.stranger();
    for (const route of ['/v1/me', '/v1/jobs', '/v1/files', '/v1/credits']) {
      expect((await stranger.get(route)).status).toBe(401);
    }
    expect((await stranger.order(randomUUID())).status).toBe(401);
    expect((await person.get('/v1/admin/users')).status).toBe(403);
  });
});

describe('a person without enough credits', () => {
  it('gets 402 with what is needed and what is there, and keeps the last credits', async () => {
    const poor = await house.signUp('poor');
    const { body: me } = await poor.get<{ id: string }>('/v1/me');
    const admin = await house.admin();
    const taken = await admin.post(`/v1/admin/users/${me.id}/credits`, {
      amount: -16,
      reason: 'to see what happens',
    });
    expect(taken.status).toBe(201);
    const image = await poor.upload();
    const before = await books(poor);
    expect(before.credits).toEqual({ available: 4, reserved: 0 });
    const answer = await poor.order(image.id);
    expect(refusal(answer)).toBe('402 credits.insufficient');
    expect(answer.body).toMatchObject({ needed: 5, available: 4 });
    expect(await books(poor)).toEqual(before);
  });
});
