import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House } from '../../support/house.js';
import { mailerEnvironment } from '../../support/mailer.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let house: House;

beforeAll(async () => {
  house = await House.start({
    databaseUrl: database.url,
    roles: 'api,worker,mailer',
    environment: { ...mailerEnvironment(), METRICS_TOKEN: 'for the collector alone' },
  });
});
afterAll(() => house.stop());

const scrape = async (): Promise<string> => (await fetch(`${house.url}/metrics`)).text();

/** The value of a sample whose labels contain these, summed. */
const valueOf = (text: string, name: string, ...labels: string[]): number =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);

describe('/metrics', () => {
  it('has each metric that docs/operations.md names, and none of ours that it does not', async () => {
    const page = await readFile('docs/operations.md', 'utf8');
    const named = [...page.matchAll(/^\| `([a-z_]+)` +\| (?:gauge|counter|histogram)/gm)].map(
      ([, name]) => name ?? '',
    );
    expect(named.length).toBeGreaterThan(20);
    const text = await scrape();
    const existing = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '');
    const ours = existing.filter((name) => !/^(nodejs|process)_/.test(name));
    expect(named.toSorted()).toEqual(ours.toSorted());
  });

  it('follows jobs: depth, age, reserved credits, then times, ends and what the GPU did', async () => {
    const customer = await house.customer();
    const before = await scrape();
    await house.fault({ kind: 'slow', node: 'KSamplerAdvanced', ms: 2_500 });
    const [first, second] = [await customer.order(), await customer.order()];
    await customer.reaches(first.id, ({ status }) => status === 'running', 120_000);
    const during = await scrape();
    expect(valueOf(during, 'jobs_open', 'status="queued"')).toBe(1);
    expect(valueOf(during, 'jobs_open', 'status="running"')).toBe(1);
    expect(valueOf(during, 'jobs_oldest_wait_seconds')).toBeGreaterThan(0);
    expect(valueOf(during, 'credits_reserved')).toBe(10);
    for (const { id } of [first, second]) await customer.ended(id, 120_000);
    const after = await scrape();
    const grew = (name: string, ...labels: string[]) =>
      valueOf(after, name, ...labels) - valueOf(before, name, ...labels);
    expect(valueOf(after, 'jobs_open')).toBe(0);
    expect(valueOf(after, 'credits_reserved')).toBe(0);
    expect(grew('jobs_ended_total', 'status="succeeded"')).toBe(2);
    expect(grew('jobs_wait_seconds_count', 'product-backgrounds')).toBe(2);
    expect(grew('jobs_run_seconds_count', 'product-backgrounds')).toBe(2);
    expect(grew('gpu_completions_total')).toBe(2);
    expect(grew('gpu_seconds_total', 'state="busy"')).toBeGreaterThan(1);
    expect(valueOf(after, 'gpu_state', 'state="ready"')).toBe(1);
  });

  it('is closed to other machines without the token', async () => {
    const behindProxy = { 'x-forwarded-for': '203.0.113.7' };
    const ask = (headers: Record<string, string>) => fetch(`${house.url}/metrics`, { headers });
    expect((await ask(behindProxy)).status).toBe(401);
    const authorization = 'Bearer for the collector alone';
    expect((await ask({ ...behindProxy, authorization })).status).toBe(200);
  });
});

describe('the server', () => {
  it('cuts off who does not finish the headers of a request', async () => {
    const { hostname, port } = new URL(house.url);
    const begun = performance.now();
    const socket = connect(Number(port), hostname);
    socket.write('GET /health/live HTTP/1.1\r\nHost: house\r\nX-Slow: ');
    const drip = setInterval(() => socket.write('a'), 500);
    socket.on('error', () => undefined);
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await once(socket, 'close');
    clearInterval(drip);
    expect(said).toMatch(/^HTTP\/1.1 408 /);
    expect(performance.now() - begun).toBeLessThan(30_000);
  });

  it('sends the headers of helmet, names allowed origins only, and refuses a large body', async () => {
    const response = await fetch(`${house.url}/health/live`, {
      headers: { origin: 'https://elsewhere.example' },
    });
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('strict-transport-security')).toMatch(/max-age/);
    expect(response.headers.get('x-powered-by')).toBeNull();
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    const large = await fetch(`${house.url}/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'a'.repeat(1_100_000) }),
    });
    expect(large.status).toBe(413);
  });
});
