import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Fleet, FLEET_SETTINGS, FleetCustomer } from '../../support/fleet.js';
import { House } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';
import { hasRedis, makeCertificate, TestRedis } from '../../support/redis.js';

const database = await testDatabase({ from: 'template' });
const folder = mkdtempSync(path.join(tmpdir(), 'hom-redis-tls-'));
const certificate = hasRedis ? makeCertificate(folder) : undefined;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.skipIf(!certificate)(
  'a job runs over a Redis that speaks TLS only, and readiness names it',
  async () => {
    const redis = await TestRedis.start(certificate);
    const house = await House.start({
      databaseUrl: database.url,
      roles: 'api',
      environment: { ...FLEET_SETTINGS, REDIS_URL: '' },
    });
    const customer = await house.customer();
    await house.leave();
    const fleet = await Fleet.start(
      {
        ...house.environment,
        REDIS_URL: redis.url,
        NODE_EXTRA_CA_CERTS: certificate?.certFile ?? '',
      },
      { api: 1, worker: 1, mailer: 0 },
    );
    try {
      const person = new FleetCustomer(fleet.urls, customer);
      expect(await person.ended(await person.order(crypto.randomUUID(), 10))).toBe('succeeded');
      const ready = await person.fetch('/health/ready');
      expect(await ready.json()).toMatchObject({
        status: 'ok',
        checks: { redis: { ok: true, detail: expect.stringContaining('noeviction') as string } },
      });
    } finally {
      await fleet.stop();
      await house.stop();
      await redis.kill();
    }
  },
);
