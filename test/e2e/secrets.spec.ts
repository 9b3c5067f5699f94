import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { House } from './support/house.js';

const house = await House.start({ environment: { LOG_LEVEL: 'trace' } });
afterAll(() => house.remove());

const PASSWORDS = ['three cups before noon', 'four cups after noon'] as const;

/** The mailbox stands for the person's own: there, and only there, a link may be read. */
const isMailbox = (file: string): boolean => path.relative(house.dataDir, file).startsWith('mail/');

const tokenIn = (text = ''): string =>
  decodeURIComponent(/[?&]token=([^\s&"<>)]+)/.exec(text)?.[1] ?? '');

it('leaves no token, link, key or password in rows, queues and logs of a whole run', async () => {
  const secrets = new Map<string, string>(PASSWORDS.map((password) => [password, password]));
  const keep = (name: string, value: unknown): string => {
    secrets.set(name, String(value));
    return String(value);
  };
  const keepLink = (name: string, token: string): string => {
    keep(`${name}, signature`, token.split('.')[1]);
    return keep(name, token);
  };
  const email = 'ada.secret@example.com';
  const visitor = house.stranger();
  const mailed = async (subject: RegExp) => {
    const mail = await house.mailTo(email, (each) => subject.test(each.subject));
    return tokenIn(mail.body.text);
  };

  await visitor.post('/v1/auth/register', { email, password: PASSWORDS[0] });
  const verification = keepLink('verification link', await mailed(/./));
  const pages = await Promise.all(
    Array.from({ length: 20 }, (_, at) =>
      visitor.fetch(`/verify-email?token=${verification}`, { method: at % 2 ? 'GET' : 'HEAD' }),
    ),
  );
  expect(pages.map((page) => page.status)).toEqual(pages.map(() => 200));
  const verified = await visitor.post('/v1/auth/verify', { token: verification });
  expect(verified.status).toBe(200);
  keep('access token', verified.body['accessToken']);
  const first = keep('refresh token', verified.body['refreshToken']);
  const refreshed = await visitor.post('/v1/auth/refresh', { refreshToken: first });
  keep('second refresh token', refreshed.body['refreshToken']);
  visitor.token = keep('second access token', refreshed.body['accessToken']);
  keep('API key', (await visitor.post('/v1/me/api-keys', { name: 'server' })).body['key']);

  const { id } = await visitor.upload();
  const link = await visitor.post<{ url: string }>(`/v1/files/${id}/links`, {});
  keep('signature of a file link', new URL(link.body.url).searchParams.get('signature'));
  expect((await visitor.fetch(link.body.url)).status).toBe(200);
  const { body: job } = await visitor.order(id);
  const stream = await visitor.post<{ token: string }>(`/v1/jobs/${job.id}/stream-token`);
  keep('stream token', stream.body.token);
  const events = await house
    .stranger()
    .fetch(`/v1/jobs/${job.id}/events?token=${stream.body.token}`);
  expect(events.status).toBe(200);
  await events.body?.cancel();

  await visitor.post('/v1/auth/forgot-password', { email });
  const reset = keepLink('reset link', await mailed(/reset/i));
  const done = await visitor.post('/v1/auth/reset-password', {
    token: reset,
    password: PASSWORDS[1],
  });
  expect(done.status).toBe(204);
  const left = await house.stranger().post('/v1/auth/login', { email, password: PASSWORDS[1] });
  keep('last access token', left.body['accessToken']);

  await house.end('SIGINT');
  const found: string[] = [];
  let read = 0;
  for (const entry of await readdir(house.dataDir, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isFile() || isMailbox(file)) continue;
    const bytes = await readFile(file);
    read += bytes.length;
    for (const [name, secret] of secrets) {
      if (bytes.includes(secret)) found.push(`${name} in ${path.relative(house.dataDir, file)}`);
    }
  }
  expect(found).toEqual([]);
  expect(house.printed.includes(verification)).toBe(false);
  for (const [name, secret] of secrets) expect(secret.length, name).toBeGreaterThan(15);
  // What was looked through does hold the run: rows and write-ahead log, with hashes in them.
  expect(read).toBeGreaterThan(10_000_000);
  const hash = createHash('sha256').update(first).digest();
  const rows = await readdir(house.dataDir, { recursive: true, withFileTypes: true });
  const holding = await Promise.all(
    rows
      .filter((entry) => entry.isFile())
      .map(async (entry) =>
        (await readFile(path.join(entry.parentPath, entry.name))).includes(hash),
      ),
  );
  expect(holding).toContain(true);
});
