import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';

interface FilePart {
  readonly field: string;
  readonly name: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly stream: Readable;
}

/**
 * A multipart/form-data body (RFC 7578) that streams its one file: the platform's FormData would
 * hold the whole picture in memory. Names are ours and need no quoting.
 */
export const multipart = (fields: Readonly<Record<string, string>>, file: FilePart) => {
  const boundary = `----${randomUUID()}`;
  const head = Buffer.from(
    [
      ...Object.entries(fields).map(
        ([name, value]) =>
          `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
      ),
      `--${boundary}\r\nContent-Disposition: form-data; name="${file.field}"; filename="${file.name}"\r\n`,
      `Content-Type: ${file.mimeType}\r\n\r\n`,
    ].join(''),
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  async function* parts() {
    yield head;
    yield* file.stream as AsyncIterable<Buffer>;
    yield tail;
  }
  return {
    body: Readable.from(parts(), { objectMode: false }),
    headers: {
      'Content-Type': `multipart/form-data; boundary=${boundary}`,
      'Content-Length': String(head.length + file.sizeBytes + tail.length),
    },
  };
};
