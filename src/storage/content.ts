import { pipeline } from 'node:stream/promises';
import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { FileBytes } from './bytes.service.js';
import { contentDisposition, safeName } from './file-name.js';
import type { FileRecord } from './file.js';
import type { ThumbnailSize } from './keys.js';
import { filesError } from './storage.errors.js';
import type { ByteRange } from './store/object-store.js';
import { Thumbnails } from './thumbnails.service.js';

const cacheControl = (seconds: number): string =>
  seconds > 0 ? `private, max-age=${seconds}` : 'private, no-cache';

/** Answers the bytes of a file over HTTP: ETag, one Range, safe headers. */
@Injectable()
export class FileContent {
  constructor(
    private readonly bytes: FileBytes,
    private readonly thumbnails: Thumbnails,
  ) {}

  /**
   * 200 with all bytes, 206 with a part, 304 when the client has them. Throws
   * files.range_not_satisfiable (416). `cacheSeconds` is for the asker's own cache only.
   */
  async send(
    file: FileRecord,
    request: Request,
    response: Response,
    cacheSeconds: number,
  ): Promise<void> {
    response.set({
      'Content-Type': file.mimeType === 'text/plain' ? 'text/plain; charset=utf-8' : file.mimeType,
      'Content-Disposition': contentDisposition(file.name, file.mimeType),
      'X-Content-Type-Options': 'nosniff',
      // Should a browser ever render it as a page, it can do nothing there.
      'Content-Security-Policy': "default-src 'none'; sandbox",
      'Cross-Origin-Resource-Policy': 'cross-origin',
      'Cache-Control': cacheControl(cacheSeconds),
      'Accept-Ranges': 'bytes',
      ETag: `"${file.sha256}"`,
    });
    if (this.isKnown(file.sha256, request.headers['if-none-match'])) {
      response.status(304).end();
      return;
    }
    const range = this.rangeOf(file, request);
    const length = range ? range.end - range.start + 1 : file.sizeBytes;
    if (range) {
      response
        .status(206)
        .set('Content-Range', `bytes ${range.start}-${range.end}/${file.sizeBytes}`);
    }
    response.set('Content-Length', String(length));
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const stream = await this.bytes.open(file, range);
    // A reader that goes away, or a store that breaks in the middle, ends both sides; the client
    // sees a short body against Content-Length and never a complete-looking part.
    await pipeline(stream, response).catch(() => response.destroy());
  }

  /** 200 with a small WebP of a picture, or 304. Throws files.not_found for what is no picture. */
  async sendThumbnail(
    file: FileRecord,
    size: ThumbnailSize,
    request: Request,
    response: Response,
    cacheSeconds: number,
  ): Promise<void> {
    const tag = `${file.sha256}-${size}`;
    if (this.isKnown(tag, request.headers['if-none-match'])) {
      response
        .status(304)
        .set({ ETag: `"${tag}"` })
        .end();
      return;
    }
    const thumbnail = await this.thumbnails.open(file, size);
    response.set({
      'Content-Type': thumbnail.mimeType,
      'Content-Length': String(thumbnail.sizeBytes),
      'Content-Disposition': contentDisposition(
        safeName(file.name, thumbnail.mimeType),
        thumbnail.mimeType,
      ),
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': 'cross-origin',
      'Cache-Control': cacheControl(cacheSeconds),
      ETag: `"${tag}"`,
    });
    await pipeline(thumbnail.stream, response).catch(() => response.destroy());
  }

  /**
   * True when the client's copy is this one. Not Express' `fresh`: that gives a whole answer to the
   * `Cache-Control: no-cache` which fetch adds, although a file's bytes never change.
   */
  private isKnown(tag: string, given: string | undefined): boolean {
    const tags = given?.split(',').map((one) => one.trim().replace(/^W\//, '')) ?? [];
    return tags.includes('*') || tags.includes(`"${tag}"`);
  }

  /** The part asked for; undefined: all of it, as for several ranges or another version's range. */
  private rangeOf(file: FileRecord, request: Request): ByteRange | undefined {
    const condition = request.headers['if-range'];
    if (condition !== undefined && condition !== `"${file.sha256}"`) return undefined;
    const ranges = request.range(file.sizeBytes);
    if (ranges === -1) {
      throw filesError('files.range_not_satisfiable', `The file has ${file.sizeBytes} bytes.`, {
        headers: { 'Content-Range': `bytes */${file.sizeBytes}` },
      });
    }
    if (!Array.isArray(ranges) || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
    return ranges[0];
  }
}
