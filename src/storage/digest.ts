import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { READ_BYTES } from './read-size.js';

/** What a file's row says about its bytes; `sha256` in lower-case hex. */
export interface Digest {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Passes bytes on and has seen them all when `digest` is called. */
export const digesting = () => {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  return {
    async *pass(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        yield chunk;
      }
    },
    digest: (): Digest => ({ sha256: hash.digest('hex'), sizeBytes }),
  };
};

/** Of a file on disk, read as a stream. */
export const digestOf = async (path: string): Promise<Digest> => {
  const { pass, digest } = digesting();
  const bytes: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: READ_BYTES });
  for await (const _ of pass(bytes));
  return digest();
};
