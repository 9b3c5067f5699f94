import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CreateBucketCommand, CreateMultipartUploadCommand, S3Client } from '@aws-sdk/client-s3';
import { buildApp } from 'fauxqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalStore } from '../../../src/storage/store/local-store.js';
import { ObjectMissing, type ObjectStore } from '../../../src/storage/store/object-store.js';
import { S3Store } from '../../../src/storage/store/s3-store.js';
import { traversalTricks } from '../../support/traversal.js';

const folder = await mkdtemp(path.join(tmpdir(), 'hom-store-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Driver {
  store: ObjectStore;
  /** Begins an upload and never ends it. */
  leaveUnfinished(): Promise<unknown>;
  /** How many of them a sweep finds: the S3 stand-in does not list them. */
  readonly sweeps: number;
  stop(): Promise<unknown>;
}

const local = async (): Promise<Driver> => ({
  store: new LocalStore(path.join(folder, 'local')),
  leaveUnfinished: async () => {
    await writeFile(path.join(folder, 'local', '.incoming', randomUUID()), 'half');
  },
  sweeps: 1,
  stop: async () => undefined,
});

const s3 = async (): Promise<Driver> => {
  const server = buildApp({ logger: false });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const client = new S3Client({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${port}`,
    forcePathStyle: true,
    credentials: { accessKeyId: 'x', secretAccessKey: 'y' },
  });
  await client.send(new CreateBucketCommand({ Bucket: 'pictures' }));
  return {
    store: new S3Store(client, { bucket: 'pictures', prefix: 'house/one', encryption: 'AES256' }),
    leaveUnfinished: () =>
      client.send(
        new CreateMultipartUploadCommand({ Bucket: 'pictures', Key: 'house/one/inputs/a/half' }),
      ),
    sweeps: 0,
    stop: async () => {
      client.destroy();
      await server.close();
    },
  };
};

const key = (name: string = randomUUID()) => `inputs/person/${name}.png`;

describe.each([
  ['local folder', local],
  ['S3', s3],
])('the %s', (name, start) => {
  let driver: Driver;
  let store: ObjectStore;
  const put = async (target: string, bytes: Buffer) => {
    const source = path.join(folder, randomUUID());
    await writeFile(source, bytes);
    await store.put(target, source, { mimeType: 'image/png', sizeBytes: bytes.length });
    await rm(source);
  };
  const listed = async () => {
    const keys: string[] = [];
    for await (const object of store.list()) keys.push(object.key);
    return keys.toSorted((a, b) => (a < b ? -1 : 1));
  };

  beforeAll(async () => {
    driver = await start();
    store = driver.store;
  });
  afterAll(() => driver.stop());

  it('answers a put object whole and in parts', async () => {
    const [target, bytes] = [key(), randomBytes(300_000)];
    await put(target, bytes);
    expect((await buffer(await store.open(target))).equals(bytes)).toBe(true);
    const part = await buffer(await store.open(target, { start: 10, end: 20 }));
    expect(part.equals(bytes.subarray(10, 21))).toBe(true);
    const found = await store.find(target);
    expect(found).toMatchObject({ key: target, sizeBytes: 300_000 });
    expect(Math.abs((found?.modifiedAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('keeps an empty and a 70 MB object exactly', async () => {
    const [empty, large, bytes] = [key(), key(), randomBytes(70_000_000)];
    await put(empty, Buffer.alloc(0));
    await put(large, bytes);
    expect((await store.find(empty))?.sizeBytes).toBe(0);
    expect((await buffer(await store.open(large))).equals(bytes)).toBe(true);
    await store.delete(large);
  });

  it('says what is missing, and deletes quietly', async () => {
    const target = key();
    await expect(store.open(target)).rejects.toThrow(ObjectMissing);
    expect(await store.find(target)).toBeUndefined();
    await put(target, Buffer.from('x'));
    await store.delete(target);
    await store.delete(target);
    expect(await store.find(target)).toBeUndefined();
  });

  it('lists every object, and nothing that is unfinished', async () => {
    for await (const object of store.list()) await store.delete(object.key);
    const keys = [key('b'), key('a'), 'outputs/job/prompt/c.png'];
    for (const one of keys) await put(one, Buffer.from(one));
    await driver.leaveUnfinished();
    expect(await listed()).toEqual(keys.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(await store.sweepUnfinished(new Date(0))).toBe(0);
    expect(await store.sweepUnfinished(new Date(Date.now() + 60_000))).toBe(driver.sweeps);
    expect(await listed()).toHaveLength(3);
  });

  it('refuses keys that could leave its root', async () => {
    const tricks = [
      ...traversalTricks(folder),
      'a',
      'inputs/x y',
      'inputs/.hidden',
      'inputs/a\n/b',
    ];
    const error = /Not a storage key/;
    const source = path.join(folder, 'one-byte');
    await writeFile(source, 'x');
    for (const trick of tricks) {
      const facts = { mimeType: 'image/png', sizeBytes: 1 };
      await expect(store.put(trick, source, facts), trick).rejects.toThrow(error);
      await expect(store.open(trick), trick).rejects.toThrow(error);
      await expect(store.delete(trick), trick).rejects.toThrow(error);
      await expect(store.find(trick), trick).rejects.toThrow(error);
    }
  });

  it('is checked, and serves large objects itself where it can', async () => {
    await store.check();
    const [target, bytes] = [key(), randomBytes(1_000)];
    await put(target, bytes);
    const url = await store.presign(target, {
      expiresInSeconds: 60,
      contentType: 'image/png',
      contentDisposition: 'inline; filename="a.png"',
    });
    if (name === 'local folder') expect(url).toBeUndefined();
    else {
      const response = await fetch(url!);
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    }
  });
});

describe('the local folder alone', () => {
  it('says where the bytes lie', async () => {
    const store = new LocalStore(path.join(folder, 'located'));
    const source = path.join(folder, 'source');
    await writeFile(source, 'bytes');
    await store.put(key('kept'), source);
    await rm(source);
    expect(await readFile(store.localPath(key('kept')), 'utf8')).toBe('bytes');
    expect(() => store.localPath('../elsewhere')).toThrow('Not a storage key');
  });

  it('leaves nothing when the source breaks', async () => {
    const root = path.join(folder, 'broken');
    const store = new LocalStore(root);
    await expect(store.put(key('x'), path.join(folder, 'missing'))).rejects.toThrow('ENOENT');
    expect(await readdir(path.join(root, '.incoming'))).toEqual([]);
    await expect(readFile(path.join(root, key('x')))).rejects.toThrow('ENOENT');
  });
});
