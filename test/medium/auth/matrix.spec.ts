import { createHmac, randomUUID } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import type { OpenAPIObject } from '@nestjs/swagger';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { People } from '../../../src/auth/index.js';
import { Config } from '../../../src/config/index.js';
import { Database, openApiDocument, type AccessRule } from '../../../src/platform/index.js';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

/**
 * Every route that the router knows, for everybody who may come. New routes are covered by
 * themselves: one with a path parameter that no rule below fills makes this file fail.
 */
const { url: databaseUrl } = await testDatabase({ from: 'template' });
const house = await House.start({ databaseUrl });
afterAll(() => house.stop());

interface Route {
  readonly method: string;
  readonly path: string;
  readonly rule: AccessRule;
}

type Operation = { 'x-access'?: AccessRule; requestBody?: { content?: Record<string, Schema> } };
interface Schema {
  readonly schema?: Schema;
  readonly $ref?: string;
  readonly example?: unknown;
  readonly properties?: Record<string, Schema>;
}

const document: OpenAPIObject = openApiDocument(house.app);
const routes: Route[] = Object.entries(document.paths).flatMap(([path, operations]) =>
  Object.entries(operations as Record<string, Operation>).map(([method, operation]) => {
    const rule = operation['x-access'];
    if (!rule) throw new Error(`${method} ${path} declares no access rule.`);
    return { method: method.toUpperCase(), path, rule };
  }),
);

/** Pages for operators and people with a link: outside the document, open on purpose. */
const UNDOCUMENTED = [
  /^\/health\/(live|ready)$/,
  /^\/metrics$/,
  /^\/problems/,
  /^\/(verify-email|reset-password)$/,
  /^\/v1\/links\//,
  /^\/v1\/mail\/events/,
  /^\/docs/,
  /^\/openapi\.json$/,
  // Middleware for every path (request context, logging), which Nest registers like a route.
  /^\{\/\*splat\}$/,
];

let a: Customer;
let b: Customer;
/** What path parameters are replaced with: things of A. */
const ids: Record<string, string> = {};

const tokens: Record<string, string | undefined> = { nobody: undefined };

const provision = (role: 'user' | 'admin') =>
  house.app
    .get(People)
    .provision({ email: `${randomUUID()}@example.com`, password: randomUUID(), role });

/** An access token without a login; the session is a row like any other. */
const tokenOf = async (personId: string, expiresIn = 900): Promise<string> => {
  const session = await house.database.one<{ id: string }>(
    `INSERT INTO sessions (user_id, method, idle_expires_at, expires_at)
     VALUES ($1, 'password', now() + interval '1 day', now() + interval '1 day') RETURNING id`,
    [personId],
  );
  return house.app
    .get(JwtService, { strict: false })
    .sign({ sid: session?.id }, { subject: personId, expiresIn });
};

const set = (id: string, change: string) =>
  house.app.get(Database).query(`UPDATE users SET ${change} WHERE id = $1`, [id]);

beforeAll(async () => {
  [a, b] = [await house.customer(), await house.customer()];
  const order = await a.order();
  ids['job'] = order.id;
  const job = await a.ended(order.id);
  expect(job.status).toBe('succeeded');
  ids['file'] = job.outputs.find((output) => output.file)?.file?.id ?? '';
  const link = await a.json<{ id?: string; url: string }>(`/v1/files/${ids['file']}/links`, {
    method: 'POST',
    body: '{}',
  });
  ids['url'] = link.url;
  ids['link'] =
    (await house.database.one<{ id: string }>('SELECT id FROM file_links LIMIT 1'))?.id ?? '';
  ids['session'] = (await a.json<{ items: { id: string }[] }>('/v1/me/sessions')).items[0]!.id;
  ids['key'] = (
    await a.json<{ id: string }>('/v1/me/api-keys', { method: 'POST', body: '{"name":"k"}' })
  ).id;
  ids['identity'] = (await house.database.one<{ id: string }>(
    `INSERT INTO identities (user_id, provider, subject, email, is_authoritative)
       VALUES ($1, 'google', 's', 'a@gmail.com', true) RETURNING id`,
    [a.id],
  ))!.id;
  ids['person'] = a.id;

  const [unverified, suspended, erased, expired, ended, admin] = await Promise.all([
    ...Array.from({ length: 5 }, () => provision('user')),
    provision('admin'),
  ] as const);
  tokens['unverified'] = await tokenOf(unverified!.id);
  await set(unverified!.id, 'email_verified_at = NULL');
  tokens['suspended'] = await tokenOf(suspended!.id);
  await set(suspended!.id, `status = 'suspended', suspended_at = now()`);
  tokens['erased'] = await tokenOf(erased!.id);
  await set(
    erased!.id,
    `status = 'erased', erased_at = now(), email = NULL, name = NULL, password_hash = NULL`,
  );
  tokens['expired'] = await tokenOf(expired!.id, -1);
  tokens['logged out'] = await tokenOf(ended!.id);
  await house.database.query(
    `UPDATE sessions SET ended_at = now(), end_reason = 'logout' WHERE user_id = $1`,
    [ended!.id],
  );
  tokens['A'] = a.token;
  tokens['B'] = b.token;
  tokens['admin'] = await tokenOf(admin!.id);
}, 120_000);

/** The path with things of A in it, or with things that nobody has. */
const fill = ({ path }: Route, isReal = true): string => {
  const real = (name: string) => (isReal ? (ids[name] ?? '') : randomUUID());
  const owner: readonly (readonly [RegExp, string])[] = [
    [/^\/v1\/files\/\{id\}/, real('file')],
    [/^\/v1\/jobs\/\{id\}/, real('job')],
    [/^\/v1\/me\/sessions\/\{id\}/, real('session')],
    [/^\/v1\/me\/api-keys\/\{id\}/, real('key')],
    [/^\/v1\/me\/identities\/\{id\}/, real('identity')],
    [/^\/v1\/admin\/users\/\{id\}/, real('person')],
    [/^\/v1\/admin\/(emails|jobs|instances)\/\{id\}/, randomUUID()],
    [/^\/v1\/(comfy|tools)\/workflows\/\{id\}/, 'product-backgrounds'],
  ];
  const id = owner.find(([pattern]) => pattern.test(path))?.[1];
  const filled = path
    .replace('{id}', id ?? '{id}')
    .replace('{linkId}', real('link'))
    .replace('{size}', '256')
    .replace('{address}', 'a@example.com');
  if (filled.includes('{')) throw new Error(`Say here what fills ${path}.`);
  return filled;
};

/** A body made of the documented examples, with A's file wherever a file is named. */
const bodyOf = ({ method, path }: Route, fileId = ids['file']): string | undefined => {
  const operation = (document.paths[path] as Record<string, Operation>)[method.toLowerCase()];
  const schema = operation?.requestBody?.content?.['application/json']?.schema;
  if (!schema) return undefined;
  const name = schema.$ref?.split('/').at(-1) ?? '';
  const { properties = {} } = (document.components?.schemas?.[name] ?? schema) as Schema;
  const body = Object.entries(properties).flatMap<[string, unknown]>(([key, { example }]) => {
    if (/^(?:\w+I|i)mageId$/.test(key)) return [[key, fileId]];
    return example === undefined || key === 'maskId' ? [] : [[key, example]];
  });
  return JSON.stringify(Object.fromEntries(body));
};

/** Differ between any two answers; the ETag is a hash of the body with its requestId. */
const VOLATILE = new Set(['date', 'x-request-id', 'etag']);

const call = async (
  route: Route,
  token: string | undefined,
  path = fill(route),
  body = bodyOf(route),
) => {
  const response = await fetch(new URL(path, house.url), {
    method: route.method,
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const isStream = /event-stream/.test(response.headers.get('content-type') ?? '');
  const text = isStream ? '' : await response.text();
  if (isStream) await response.body?.cancel();
  const isProblem = /problem\+json/.test(response.headers.get('content-type') ?? '');
  const problem = isProblem ? (JSON.parse(text) as { code: string }) : undefined;
  const { requestId: _own, ...rest } = (problem ?? {}) as Record<string, unknown>;
  const headers = [...response.headers].filter(([name]) => !VOLATILE.has(name));
  return { status: response.status, code: problem?.code, text, problem: rest, headers };
};

const closed = routes.filter((route) => route.rule !== 'public');
const titles = (list: readonly Route[]) =>
  list.map((route) => [`${route.method} ${route.path}`, route] as const);

describe('the router', () => {
  it('knows no route outside the document but the pages for operators and links', () => {
    interface Layer {
      readonly route?: {
        readonly path: string | string[];
        readonly methods: Readonly<Record<string, boolean>>;
      };
    }
    const express = house.app.getHttpAdapter().getInstance() as unknown as {
      router: { stack: readonly Layer[] };
    };
    const documented = new Set(
      routes.map(({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    const known = express.router.stack.flatMap(({ route }) =>
      [route?.path ?? []].flat().flatMap((path) =>
        Object.keys(route?.methods ?? {}).map((method) => ({
          path,
          method: method.toUpperCase(),
        })),
      ),
    );
    expect(known.length).toBeGreaterThan(60);
    const surprises = known.filter(
      ({ path, method }) =>
        !documented.has(`${method} ${path}`) && !UNDOCUMENTED.some((pattern) => pattern.test(path)),
    );
    expect(surprises).toEqual([]);
  });
});

describe.each(titles(closed))('%s', (_title, route) => {
  it('lets in nobody who may not come', async () => {
    const outsiders = ['nobody', 'unverified', 'suspended', 'erased', 'expired', 'logged out'];
    const answers = await Promise.all(
      outsiders.map(async (who) => [who, (await call(route, tokens[who])).code] as const),
    );
    expect(Object.fromEntries(answers)).toEqual(
      Object.fromEntries(outsiders.map((who) => [who, 'http.unauthorized'])),
    );
  });

  if (route.rule === 'admin') {
    it('is closed to users', async () => {
      expect((await call(route, tokens['A'])).code).toBe('http.forbidden');
      expect((await call(route, tokens['B'])).code).toBe('http.forbidden');
    });

    it('is open to an admin', async () => {
      const admin = await provision('admin');
      const { status } = await call(route, await tokenOf(admin.id), fill(route, false));
      expect([401, 403]).not.toContain(status);
      expect(status).toBeLessThan(500);
    });
  } else {
    it('is open to a user', async () => {
      const user = await provision('user');
      const { status, code } = await call(route, await tokenOf(user.id), fill(route, false));
      // A wrong current password is 403 too; what counts is that the guard let the call through.
      expect(['http.unauthorized', 'http.forbidden']).not.toContain(code);
      expect(status === 503 || status < 500).toBe(true);
    });
  }

  const isAbout =
    route.path.includes('{') && !route.path.includes('/workflows/') && route.rule !== 'admin';
  if (isAbout) {
    it('answers B about things of A as about things that nobody has', async () => {
      const theirs = await call(route, tokens['B']);
      const nobodys = await call(route, tokens['B'], fill(route, false));
      expect(theirs.status).toBe(404);
      expect([theirs.problem, theirs.headers]).toEqual([nobodys.problem, nobodys.headers]);
    });
  }
});

describe('what B is shown', () => {
  it('contains nothing of A', async () => {
    const lists = routes.filter(
      ({ method, path, rule }) => method === 'GET' && rule !== 'admin' && !path.includes('{'),
    );
    expect(lists.length).toBeGreaterThan(8);
    for (const route of lists) {
      const { text } = await call(route, tokens['B']);
      for (const id of [a.id, ids['job'], ids['file'], ids['session'], ids['key']]) {
        expect(text.includes(String(id)), `${id} at ${route.path}`).toBe(false);
      }
    }
  });

  it('does not become more by naming a picture of A in an order', async () => {
    const orders = routes.filter(
      ({ method, path }) => method === 'POST' && /^\/v1\/(comfy|tools)\//.test(path),
    );
    expect(orders.length).toBeGreaterThan(0);
    for (const route of orders) {
      const theirs = await call(route, tokens['B']);
      const nobodys = await call(route, tokens['B'], fill(route), bodyOf(route, randomUUID()));
      expect(theirs.status, route.path).toBeGreaterThanOrEqual(400);
      expect([theirs.problem, theirs.headers]).toEqual([nobodys.problem, nobodys.headers]);
      expect(await b.credits()).toMatchObject({ reserved: 0 });
    }
  });

  it('does not become more by a signed link that is bent to a file of A', async () => {
    const uploaded = await b.json<{ items: { id: string; url?: string }[] }>('/v1/files');
    const own = uploaded.items[0]!;
    const made = await b.json<{ url: string }>(`/v1/files/${own.id}/links`, {
      method: 'POST',
      body: '{}',
    });
    for (const url of [made.url, own.url].filter((each) => each !== undefined)) {
      const target = new URL(url, house.url);
      const straight = await fetch(new URL(target.pathname + target.search, house.url));
      expect(straight.status).toBe(200);
      const bent = (target.pathname + target.search).replaceAll(own.id, ids['file'] ?? '');
      const signature = target.searchParams.get('signature') ?? '';
      const other = signature ? bent : bent.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
      const response = await fetch(new URL(other, house.url));
      expect(response.status).toBeGreaterThanOrEqual(400);
    }
  });

  it('ends for everybody with a link when its owner is suspended', async () => {
    const { pathname, search } = new URL(ids['url'] ?? '');
    const open = async () => (await fetch(new URL(pathname + search, house.url))).status;
    expect(await open()).toBe(200);
    await set(a.id, `status = 'suspended', suspended_at = now()`);
    expect(await open()).toBe(403);
    await set(a.id, `status = 'active', suspended_at = NULL`);
    expect(await open()).toBe(200);
  });

  it("does not become more by a stream token for B's own job or a made-up one", async () => {
    const key = house.app.get(Config).auth.jwtKey;
    const own = await b.order();
    await b.ended(own.id);
    const { token } = await b.json<{ token: string }>(`/v1/jobs/${own.id}/stream-token`, {
      method: 'POST',
    });
    const forged = createHmac('sha256', key).update(String(ids['job'])).digest('base64url');
    for (const stream of [token, forged, 'x', '']) {
      for (const kind of ['events', 'preview']) {
        const path = `/v1/jobs/${ids['job']}/${kind}?token=${stream}`;
        expect((await fetch(new URL(path, house.url))).status).toBe(401);
      }
    }
  });
});
