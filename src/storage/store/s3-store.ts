import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadBucketCommand,
  NoSuchKey,
  S3Client,
  type S3ClientConfig,
  type ServerSideEncryption,
} from '@aws-sdk/client-s3';
import { Disk } from 'flydrive';
import { S3Driver } from 'flydrive/drivers/s3';
import type { Config } from '../../config/index.js';
import {
  checkKey,
  ObjectMissing,
  type ByteRange,
  type ObjectFacts,
  type ObjectStore,
  type StoredObject,
} from './object-store.js';
import { MULTIPART_FROM_BYTES, putInParts, sweepParts } from './s3-multipart.js';

interface S3Place {
  readonly bucket: string;
  /** Of this installation, without slashes at its ends; empty: the bucket's root. */
  readonly prefix: string;
  readonly encryption: ServerSideEncryption | undefined;
}

/** Objects in a bucket under one prefix; S3 itself makes a put whole or absent. */
export class S3Store implements ObjectStore {
  private readonly disk: Disk;

  constructor(
    private readonly client: S3Client,
    private readonly place: S3Place,
  ) {
    this.disk = new Disk(
      new S3Driver({
        client,
        bucket: place.bucket,
        visibility: 'private',
        supportsACL: false,
        ...(place.encryption && { encryption: place.encryption }),
      }),
    );
  }

  static from(config: Config, url: URL): S3Store {
    const options: S3ClientConfig = { region: config.aws.region };
    if (config.aws.credentials) options.credentials = config.aws.credentials;
    if (config.storage.s3Endpoint) {
      options.endpoint = config.storage.s3Endpoint;
      options.forcePathStyle = true;
    }
    return new S3Store(new S3Client(options), {
      bucket: url.hostname,
      prefix: url.pathname.replace(/^\/|\/$/g, ''),
      encryption: config.storage.s3Encryption,
    });
  }

  async put(key: string, sourcePath: string, facts: ObjectFacts): Promise<void> {
    const name = this.nameOf(key);
    if (facts.sizeBytes >= MULTIPART_FROM_BYTES) {
      const target = {
        Bucket: this.place.bucket,
        Key: name,
        ContentType: facts.mimeType,
        ServerSideEncryption: this.place.encryption,
      };
      await putInParts(this.client, target, sourcePath, facts.sizeBytes);
      return;
    }
    await this.disk.putStream(name, createReadStream(sourcePath), {
      contentType: facts.mimeType,
      contentLength: facts.sizeBytes,
    });
  }

  async open(key: string, range?: ByteRange): Promise<Readable> {
    try {
      const { Body } = await this.client.send(
        new GetObjectCommand({
          Bucket: this.place.bucket,
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
    const { prefix } = this.place;
    let token: string | undefined;
    do {
      const page = await this.disk.listAll(prefix ? `${prefix}/` : '/', {
        recursive: true,
        ...(token && { paginationToken: token }),
      });
      for (const object of page.objects) {
        if (!object.isFile) continue;
        const { contentLength, lastModified } = await object.getMetaData();
        const key = prefix ? object.key.slice(prefix.length + 1) : object.key;
        yield { key, sizeBytes: contentLength, modifiedAt: lastModified };
      }
      token = page.paginationToken;
    } while (token);
  }

  localPath(): undefined {
    return undefined;
  }

  /** A presigned address of S3 itself, so that large files do not pass through the API. */
  presign(
    key: string,
    { expiresInSeconds, contentType, contentDisposition }: Parameters<ObjectStore['presign']>[1],
  ): Promise<string> {
    return this.disk.getSignedUrl(this.nameOf(key), {
      expiresIn: expiresInSeconds,
      contentType,
      contentDisposition,
    });
  }

  sweepUnfinished(before: Date): Promise<number> {
    const prefix = this.place.prefix ? `${this.place.prefix}/` : '';
    return sweepParts(this.client, this.place.bucket, prefix, before);
  }

  async check(): Promise<void> {
    await this.client.send(new HeadBucketCommand({ Bucket: this.place.bucket }));
  }

  private nameOf(key: string): string {
    const { prefix } = this.place;
    return prefix ? `${prefix}/${checkKey(key)}` : checkKey(key);
  }
}
