import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import busboy from 'busboy';
import type { Request } from 'express';
import { httpError } from '../../platform/index.js';
import { asStoreError } from '../store/local-store.js';
import { filesError } from '../storage.errors.js';

/** The bytes of one upload, on disk. */
export interface Upload {
  readonly path: string;
  /** As the client named it: never used in a path. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface Form {
  readonly upload: Upload | undefined;
  readonly fields: Record<string, string>;
}

export interface FormRules {
  /** The one field that may hold a file. */
  readonly field: string;
  readonly maxBytes: number;
  /** Where the file is written. */
  readonly folder: string;
}

const FORM_OVERHEAD_BYTES = 1_000_000;
const LIMITS = { files: 1, fields: 40, fieldSize: 64_000, fieldNameSize: 100, headerPairs: 50 };

const tooLarge = (maxBytes: number) =>
  filesError(
    'files.too_large',
    `The file is larger than ${maxBytes / 1_000_000} MB; make it smaller and upload that.`,
  );

const malformed = (detail: string, cause?: unknown) =>
  filesError('files.malformed_form', detail, { cause });

/** Writes the bytes to `target` as they come; memory stays flat. */
const keep = async (source: Readable, target: string): Promise<Omit<Upload, 'name'>> => {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline(source, measure, createWriteStream(target, { flags: 'wx' })).catch(
    (error: unknown) => {
      throw asStoreError(error);
    },
  );
  return { path: target, sizeBytes, sha256: hash.digest('hex') };
};

const open = (request: Request, { maxBytes }: FormRules) => {
  if (!request.is('multipart/form-data')) {
    throw httpError(
      'http.unsupported_media_type',
      'Send the file as multipart/form-data, in a field of the form.',
    );
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes + FORM_OVERHEAD_BYTES) {
    throw tooLarge(maxBytes);
  }
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      // busboy cuts silently at fileSize: one byte more shows that there was more.
      limits: { ...LIMITS, fileSize: maxBytes + 1 },
    });
  } catch (error) {
    throw malformed('The multipart header has no usable boundary.', error);
  }
};

/**
 * Reads a multipart form as it streams in: the file of `rules.field` goes to disk, text fields are
 * collected (the last of a name counts). Throws files.too_large, files.malformed_form or
 * http.unsupported_media_type; what it wrote lies in `rules.folder`, which the caller removes.
 */
export const readForm = async (request: Request, rules: FormRules): Promise<Form> => {
  const parser = open(request, rules);
  const fields = new Map<string, string>();
  let upload: Promise<Upload> | undefined;
  let refusal: Error | undefined;
  const refuse = (error: Error) => {
    refusal ??= error;
    // Ends the pipeline below; the rest of the body is read and dropped by Node itself.
    parser.destroy();
  };
  parser.on('file', (field, stream, { filename }) => {
    stream.once('limit', () => refuse(tooLarge(rules.maxBytes)));
    if (field !== rules.field || upload) {
      stream.resume();
      refuse(malformed(`Send one file, in the field "${rules.field}".`));
      return;
    }
    upload = keep(stream, path.join(rules.folder, 'upload')).then((kept) => ({
      ...kept,
      name: filename ?? '',
    }));
    upload.catch((error: Error) => refuse(error));
  });
  parser.on('field', (name, value, info) => {
    if (info.nameTruncated || info.valueTruncated) {
      refuse(malformed(`The field "${name.slice(0, 50)}" is too long.`));
    }
    fields.set(name, value);
  });
  parser.on('filesLimit', () => refuse(malformed('Send one file at a time.')));
  parser.on('fieldsLimit', () => refuse(malformed('The form has too many fields.')));
  try {
    // The request is not destroyed with the parser: the answer still has to go out on its socket.
    request.pipe(parser);
    await closed(request, parser);
    return { upload: await upload, fields: Object.fromEntries(fields) };
  } catch (error) {
    request.unpipe(parser);
    request.resume();
    await upload?.catch(() => undefined);
    throw refusal ?? malformed('The form is incomplete or not valid multipart.', error);
  }
};

/** Resolves when the form was read to its end; rejects when it broke or the client went away. */
const closed = (request: Request, parser: busboy.Busboy): Promise<void> =>
  new Promise((resolve, reject) => {
    parser.once('error', reject);
    parser.once('close', () => reject(new Error('refused')));
    parser.once('finish', resolve);
    request.once('aborted', () => reject(new Error('the client went away')));
    request.once('error', reject);
  });
