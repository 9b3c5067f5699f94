import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fleet, FLEET_SETTINGS, FleetCustomer } from '../../support/fleet.js';
import { House } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';
import { hasRedis, TestRedis } from '../../support/redis.js';

const STOP_LIMIT_MS = 10_000;
const database = await testDatabase({ from: 'template' });
let house: House;
let person: FleetCustomer;
const fleets: Fleet[] = [];

const startFleet = async (
  size: { api?: number; worker?: number },
  environment: Readonly<Record<string, string>> = {},
): Promise<Fleet> => {
  const fleet = await Fleet.start(
    { ...house.environment, ...environment },
    { api: 0, worker: 0, mailer: 0, ...size },
  );
  fleets.push(fleet);
  return fleet;
};

beforeAll(async () => {
  house = await House.start({
    databaseUrl: database.url,
    roles: 'api',
    environment: { ...FLEET_SETTINGS, RATE_LIMIT_SCALE: '1000', REDIS_URL: '' },
  });
  const customer = await house.customer();
  await house.leave();
  // Learns what the GPU can do.
  await (await startFleet({ worker: 1 })).stop();
  person = new FleetCustomer([], customer);
});
afterAll(async () => {
  await Promise.all(fleets.map((fleet) => fleet.stop()));
  await house.stop();
});

describe('an API that is stopped', () => {
  it('is not ready, serves what still comes, sends streams and held answers away, and exits 0', async () => {
    const fleet = await startFleet({ api: 1 });
    const [api] = fleet.members;
    const [url = ''] = fleet.urls;
    person = new FleetCustomer(fleet.urls, person.customer);
    const id = await person.order(crypto.randomUUID(), 10);
    const stream = await person.fetch(`/v1/jobs/${id}/events`);
    const held = person.fetch('/v1/comfy/workflows/bench-gpu/jobs', {
      method: 'POST',
      headers: { prefer: 'wait=60' },
      body: JSON.stringify({ imageId: person.customer.imageId, sleepMs: 10, salt: 1 }),
    });
    await pause(500);
    const begun = performance.now();
    const stopped = api!.process.stop();
    const text = await stream.text();
    expect(text).toContain('event: snapshot');
    expect(text).toMatch(/retry: \d+\n\n$/);
    expect((await held).status).toBe(202);
    // A client's connection keeps it listening for a moment; each answer ends its connection.
    const ready = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (ready) {
      expect(ready.status).toBe(503);
      expect(ready.headers.get('connection')).toBe('close');
      expect(await ready.json()).toMatchObject({ checks: { process: { ok: false } } });
    }
    expect(await stopped).toBe(0);
    expect(performance.now() - begun).toBeLessThan(STOP_LIMIT_MS);
  });
});

describe('a worker that is stopped', () => {
  it('leaves the running prompt to its successor, and that is no start more', async () => {
    const fleet = await startFleet({ api: 1, worker: 1 });
    const worker = fleet.members.find(({ role }) => role === 'worker');
    person = new FleetCustomer(fleet.urls, person.customer);
    const id = await person.order(crypto.randomUUID(), 4_000);
    while (
      ((await (await person.fetch(`/v1/jobs/${id}`)).json()) as { status: string }).status !==
      'running'
    )
      await pause(50);
    const { exitCode, stopMs } = await fleet.restart(worker!);
    expect(exitCode).toBe(0);
    expect(stopMs).toBeLessThan(STOP_LIMIT_MS);
    expect(await person.ended(id)).toBe('succeeded');
    await fleet.stop();
    const observer = await House.start({
      databaseUrl: database.url,
      roles: 'api',
      sandboxes: 0,
    });
    const [row] = await observer.database.query('SELECT starts FROM jobs WHERE id = $1', [id]);
    await observer.stop();
    expect(row).toEqual({ starts: 1 });
  });

  it.skipIf(!hasRedis)('exits 0 within 10 s also while its Redis is away', async () => {
    const redis = await TestRedis.start();
    const fleet = await startFleet({ api: 1, worker: 1 }, { REDIS_URL: redis.url });
    person = new FleetCustomer(fleet.urls, person.customer);
    expect(await person.ended(await person.order(crypto.randomUUID(), 10))).toBe('succeeded');
    await redis.kill();
    await person.order(crypto.randomUUID(), 10);
    await pause(1_500);
    const begun = performance.now();
    const codes = await Promise.all(fleet.members.map(({ process }) => process.stop()));
    expect(codes).toEqual([0, 0]);
    expect(performance.now() - begun).toBeLessThan(STOP_LIMIT_MS);
  });
});
