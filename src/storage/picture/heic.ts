import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Metadata } from 'sharp';
import { maxPixelsOf } from './decode-memory.js';
import { matrixToSrgb } from './profile.js';

const TIMEOUT_MS = 60_000;

/** RGBA, 8 bit, upright, in sRGB. */
export interface RawPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/**
 * Decodes a HEIC picture in a thread of its own: sharp has no HEVC decoder. `metadata` is sharp's,
 * whose size was checked already. Rejects when the picture is damaged.
 */
export const decodeHeic = (source: string, metadata: Metadata): Promise<RawPicture> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(
      new URL(`./heic-worker${path.extname(import.meta.url)}`, import.meta.url),
      {
        workerData: {
          source,
          maxPixels: maxPixelsOf(metadata),
          toSrgb: matrixToSrgb(metadata.icc),
        },
        // libheif prints what it dislikes; the error that follows says enough.
        stdout: true,
        stderr: true,
      },
    );
    const timer = setTimeout(() => {
      reject(new Error('decoding took too long'));
      void worker.terminate();
    }, TIMEOUT_MS);
    let picture: RawPicture | undefined;
    worker.once('message', (decoded: RawPicture) => (picture = decoded));
    worker.once('error', reject);
    // Not before the thread has given its memory back: whoever waits decodes the next picture.
    worker.once('exit', () => {
      clearTimeout(timer);
      if (picture) resolve(picture);
      else reject(new Error('the decoder ended without a picture'));
    });
  });
