import { createReadStream, createWriteStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { digesting, type Digest } from '../digest.js';
import { READ_BYTES } from '../read-size.js';

/** A part of the source, end exclusive, or bytes that take the place of one. */
type Piece = { readonly start: number; readonly end: number } | Buffer;

/** Chunks that change how a PNG looks; every other one only tells something. */
const PNG_KEPT = new Set(
  'IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD pHYs acTL fcTL fdAT'.split(
    ' ',
  ),
);
const WEBP_DROPPED = new Set(['EXIF', 'XMP ']);
const WEBP_EXIF_AND_XMP = 0b1100;
/** Boxes of MP4 that hold what players show about a film; their place is kept, as free space. */
const MP4_DROPPED = new Set(['udta', 'meta', 'uuid']);

/** Length and content of a file that is read by position. */
class Source {
  private constructor(
    private readonly handle: FileHandle,
    readonly length: number,
  ) {}

  static async use<T>(path: string, work: (source: Source) => Promise<T>): Promise<T> {
    const handle = await open(path, 'r');
    try {
      return await work(new Source(handle, (await handle.stat()).size));
    } finally {
      await handle.close();
    }
  }

  /** Shorter than asked for at the end of the file. */
  async read(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await this.handle.read(bytes, 0, length, position);
    return bytes.subarray(0, bytesRead);
  }
}

async function* pngPieces(source: Source): AsyncGenerator<Piece> {
  yield { start: 0, end: 8 };
  for (let at = 8; at + 8 <= source.length;) {
    const header = await source.read(at, 8);
    const type = header.toString('latin1', 4);
    const end = Math.min(at + 12 + header.readUInt32BE(0), source.length);
    if (PNG_KEPT.has(type)) yield { start: at, end };
    if (type === 'IEND') return;
    at = end;
  }
}

async function* webpPieces(source: Source): AsyncGenerator<Piece> {
  const kept: Piece[] = [];
  let size = 4;
  for (let at = 12; at + 8 <= source.length;) {
    const header = await source.read(at, 8);
    const type = header.toString('latin1', 0, 4);
    const length = header.readUInt32LE(4);
    const end = Math.min(at + 8 + length + (length % 2), source.length);
    if (type === 'VP8X') {
      const chunk = await source.read(at, end - at);
      chunk[8] = (chunk[8] ?? 0) & ~WEBP_EXIF_AND_XMP;
      kept.push(chunk);
    } else if (!WEBP_DROPPED.has(type)) kept.push({ start: at, end });
    if (!WEBP_DROPPED.has(type)) size += end - at;
    at = end;
  }
  const riff = await source.read(0, 12);
  if (riff.length === 12) riff.writeUInt32LE(size, 4);
  yield riff;
  yield* kept;
}

/** EXIF and XMP, Photoshop's IPTC, comments; a colour profile (APP2) and Adobe's (APP14) stay. */
const isDroppedMarker = (marker: number): boolean =>
  marker === 0xfe || (marker >= 0xe1 && marker <= 0xef && marker !== 0xe2 && marker !== 0xee);

async function* jpegPieces(source: Source): AsyncGenerator<Piece> {
  yield { start: 0, end: 2 };
  for (let at = 2; at + 4 <= source.length;) {
    const [mark = 0, marker = 0, high = 0, low = 0] = await source.read(at, 4);
    if (marker === 0xff) {
      // Padding, which may precede every marker.
      at += 1;
      continue;
    }
    // The picture's own data begins, or this is no JPEG that anybody could read.
    if (mark !== 0xff || marker === 0xda) {
      yield { start: at, end: source.length };
      return;
    }
    const end = Math.min(at + 2 + high * 256 + low, source.length);
    if (!isDroppedMarker(marker)) yield { start: at, end };
    at = end;
  }
}

/** The box of each depth that is looked into. */
const MP4_PARENTS = ['moov', 'trak'];

async function* mp4Pieces(
  source: Source,
  from = 0,
  to = source.length,
  depth = 0,
): AsyncGenerator<Piece> {
  for (let at = from; at + 8 <= to;) {
    const header = await source.read(at, 16);
    const type = header.toString('latin1', 4, 8);
    const size = header.readUInt32BE(0);
    const isLong = size === 1 && header.length === 16;
    const length = isLong ? Number(header.readBigUInt64BE(8)) : size;
    const end = length < 8 ? to : Math.min(at + length, to);
    const start = at + (isLong ? 16 : 8);
    if (MP4_DROPPED.has(type)) {
      yield Buffer.concat([header.subarray(0, 4), Buffer.from('free')]);
      if (isLong) yield header.subarray(8, 16);
      yield Buffer.alloc(Math.max(end - start, 0));
    } else if (type === MP4_PARENTS[depth]) {
      yield { start: at, end: start };
      yield* mp4Pieces(source, start, end, depth + 1);
    } else yield { start: at, end };
    at = end;
  }
}

const FORMATS: Readonly<Record<string, (source: Source) => AsyncGenerator<Piece>>> = {
  'image/png': pngPieces,
  'image/webp': webpPieces,
  'image/jpeg': jpegPieces,
  'video/mp4': mp4Pieces,
};

/** Neighbouring parts as one: a PNG may have thousands of chunks. */
async function* joined(pieces: AsyncIterable<Piece>): AsyncGenerator<Piece> {
  let last: Piece | undefined;
  for await (const piece of pieces) {
    if (last && 'end' in last && 'start' in piece && last.end === piece.start) {
      last = { start: last.start, end: piece.end };
      continue;
    }
    if (last) yield last;
    last = piece;
  }
  if (last) yield last;
}

/**
 * Copies a PNG, WebP, JPEG or MP4 without what it tells besides its picture: ComfyUI writes the whole
 * graph, with prompts and the names of models, into what it saves. Pixels, colours and frames stay
 * bit for bit. Returns what was written; undefined, and nothing written: the type is another.
 */
export const copyWithoutMetadata = async (
  source: string,
  target: string,
  mimeType: string,
): Promise<Digest | undefined> => {
  const piecesOf = FORMATS[mimeType];
  if (!piecesOf) return undefined;
  const { pass, digest } = digesting();
  await Source.use(source, (opened) =>
    pipeline(
      async function* () {
        for await (const piece of joined(piecesOf(opened))) {
          if (Buffer.isBuffer(piece)) yield piece;
          else if (piece.end > piece.start) {
            const range = { start: piece.start, end: piece.end - 1 };
            yield* createReadStream(source, { ...range, highWaterMark: READ_BYTES });
          }
        }
      },
      pass,
      createWriteStream(target, { flags: 'wx' }),
    ),
  );
  return digest();
};
