import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadBucketCommand,
  NoSuchKey,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Disk } from 'flydrive';
import { S3Driver } from 'flydrive/drivers/s3';
import type { Config } from '../../config/index.js';
import {
  checkKey,
  ObjectMissing,
  type ByteRange,
  type ObjectStore,
  type StoredObject,
} from './object-store.js';

/** Objects in a bucket under one prefix; S3 itself makes a put whole or absent. */
export class S3Store implements ObjectStore {
  private readonly disk: Disk;

  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
    private readonly prefix: string,
  ) {
    this.disk = new Disk(
      new S3Driver({ client, bucket, visibility: 'private', supportsACL: false }),
    );
  }

  static from(config: Config, url: URL): S3Store {
    const options: S3ClientConfig = { region: config.aws.region };
    if (config.aws.credentials) options.credentials = config.aws.credentials;
    if (config.storage.s3Endpoint) {
      options.endpoint = config.storage.s3Endpoint;
      options.forcePathStyle = true;
    }
    return new S3Store(new S3Client(options), url.hostname, url.pathname.replace(/^\/|\/$/g, ''));
  }

  async put(
    key: string,
    sourcePath: string,
    facts: { mimeType: string; sizeBytes: number },
  ): Promise<void> {
    await this.disk.putStream(this.nameOf(key), createReadStream(sourcePath), {
      contentType: facts.mimeType,
      contentLength: facts.sizeBytes,
    });
  }

  async open(key: string, range?: ByteRange): Promise<Readable> {
    try {
      const { Body } = await this.client.send(
        new GetObjectCommand({
          Bucket: this.bucket,
          Key: this.nameOf(key),
          ...(range && { Range: `bytes=${range.start}-${range.end}` }),
        }),
      );
      if (!Body) throw new ObjectMissing(key);
      // In Node the SDK's body is always a Readable.
      return Body as Readable;
    } catch (error) {
      if (error instanceof NoSuchKey) throw new ObjectMissing(key);
      throw error;
    }
  }

  async find(key: string): Promise<StoredObject | undefined> {
    const name = this.nameOf(key);
    if (!(await this.disk.exists(name))) return undefined;
    const { contentLength, lastModified } = await this.disk.getMetaData(name);
    return { key, sizeBytes: contentLength, modifiedAt: lastModified };
  }

  async delete(key: string): Promise<void> {
    await this.disk.delete(this.nameOf(key));
  }

  async *list(): AsyncIterable<StoredObject> {
    let token: string | undefined;
    do {
      const page = await this.disk.listAll(this.prefix ? `${this.prefix}/` : '/', {
        recursive: true,
        ...(token && { paginationToken: token }),
      });
      for (const object of page.objects) {
        if (!object.isFile) continue;
        const { contentLength, lastModified } = await object.getMetaData();
        const key = this.prefix ? object.key.slice(this.prefix.length + 1) : object.key;
        yield { key, sizeBytes: contentLength, modifiedAt: lastModified };
      }
      token = page.paginationToken;
    } while (token);
  }

  async sweepUnfinished(): Promise<number> {
    return 0;
  }

  async check(): Promise<void> {
    await this.client.send(new HeadBucketCommand({ Bucket: this.bucket }));
  }

  private nameOf(key: string): string {
    return this.prefix ? `${this.prefix}/${checkKey(key)}` : checkKey(key);
  }
}
