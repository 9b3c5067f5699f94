import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { House } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

const mountPoint = await mkdtemp(path.join(tmpdir(), 'hom-full-'));
const isMounted =
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mountPoint]).status === 0;
if (!isMounted) console.warn('SKIPPED 1: a small tmpfs cannot be mounted here');
let house: House | undefined;
afterAll(async () => {
  await house?.stop();
  if (isMounted) spawnSync('umount', [mountPoint]);
  await rm(mountPoint, { recursive: true, force: true });
});

describe.runIf(isMounted)('a store without space', () => {
  it('fails the job clearly and without a charge, and the next succeeds without a restart', async () => {
    await mkdir(path.join(mountPoint, 'files'));
    const database = await testDatabase({ from: 'template' });
    const STORAGE_URL = pathToFileURL(path.join(mountPoint, 'files')).href;
    house = await House.start({ databaseUrl: database.url, environment: { STORAGE_URL } });
    const customer = await house.customer();
    const before = await customer.credits();
    const ballast = path.join(mountPoint, 'ballast');
    await writeFile(ballast, Buffer.alloc(3_000_000)).catch(() => undefined);
    const failed = await customer.ended((await customer.order()).id, 60_000);
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'files.storage_full' } });
    expect(failed.outputs).toEqual([]);
    expect(await customer.credits()).toEqual(before);
    await rm(ballast);
    const next = await customer.ended((await customer.order()).id, 60_000);
    expect(next.status).toBe('succeeded');
    expect(await house.faultsInLedger()).toEqual([]);
  });
});
