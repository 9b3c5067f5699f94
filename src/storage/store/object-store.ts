import type { Readable } from 'node:stream';

export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/** Both ends inclusive, as in HTTP. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface ObjectFacts {
  readonly mimeType: string;
  readonly sizeBytes: number;
}

/**
 * Where bytes are kept. Keys are made by this module alone, see {@link checkKey}. An object is
 * either complete under its key or not there at all, also after a crash.
 */
export interface ObjectStore {
  /** Stores the file at `sourcePath` durably. Throws {@link StoreFull} when there is no space. */
  put(key: string, sourcePath: string, facts: ObjectFacts): Promise<void>;
  /** The bytes, or a part of them. Throws {@link ObjectMissing}. */
  open(key: string, range?: ByteRange): Promise<Readable>;
  /** Where the object lies as a file of this machine, for reading alone; undefined: it does not. */
  localPath(key: string): string | undefined;
  find(key: string): Promise<StoredObject | undefined>;
  /** Quiet when there is nothing under the key. */
  delete(key: string): Promise<void>;
  /** Every object, in no order; unfinished uploads are not among them. */
  list(): AsyncIterable<StoredObject>;
  /** An address where the store itself serves the object for a while; undefined: it cannot. */
  presign(
    key: string,
    options: {
      readonly expiresInSeconds: number;
      readonly contentType: string;
      readonly contentDisposition: string;
    },
  ): Promise<string | undefined>;
  /** Removes what unfinished uploads left before `before`; returns how many. */
  sweepUnfinished(before: Date): Promise<number>;
  /** Rejects when the store cannot be used. */
  check(): Promise<void>;
}

export const OBJECT_STORE = Symbol('ObjectStore');

export class ObjectMissing extends Error {}
export class StoreFull extends Error {}

const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/;

/**
 * Returns the key if it is one of ours: segments of plain letters, digits, `_`, `-` and inner dots.
 * Throws for anything that could leave the root, whatever the encoding.
 */
export const checkKey = (key: string): string => {
  const segments = key.split('/');
  const isSafe =
    segments.length >= 2 &&
    segments.length <= 6 &&
    segments.every((segment) => SEGMENT.test(segment) && !segment.includes('..'));
  if (!isSafe) throw new Error(`Not a storage key: ${JSON.stringify(key.slice(0, 100))}`);
  return key;
};
