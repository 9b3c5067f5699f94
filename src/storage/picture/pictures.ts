import path from 'node:path';
import { Injectable } from '@nestjs/common';
import { fileTypeFromFile } from 'file-type';
import pLimit from 'p-limit';
import sharp, { type Metadata, type Sharp } from 'sharp';
import { Config } from '../../config/index.js';
import { filesError } from '../storage.errors.js';
import { isTurnedApart, maxPixelsOf } from './decode-memory.js';
import { decodeHeic, type RawPicture } from './heic.js';
import { isProfile } from './profile.js';
import { isLosslessWebp } from './webp.js';

/** A picture as it is kept: upright, sRGB, 8 bit, one frame, no metadata. */
export interface Picture {
  readonly path: string;
  readonly mimeType: string;
  readonly width: number;
  readonly height: number;
  /** What was changed that a person may notice; null: nothing. */
  readonly note: string | null;
}

type Accepted = 'jpeg' | 'png' | 'webp' | 'tiff' | 'heif';

/** By magic bytes; sharp must then agree, so that no other loader is ever reached. */
const ACCEPTED: Readonly<Record<string, Accepted>> = {
  'image/jpeg': 'jpeg',
  'image/png': 'png',
  'image/apng': 'png',
  'image/webp': 'webp',
  'image/tiff': 'tiff',
  'image/avif': 'heif',
  'image/heic': 'heif',
  'image/heif': 'heif',
  'image/heic-sequence': 'heif',
  'image/heif-sequence': 'heif',
};

// One decode at a time per process: memory stays that of one picture, and the threads of libuv's
// pool, which file access shares, stay free.
const oneAtATime = pLimit(1);
sharp.cache(false);
sharp.concurrency(1);

/** sharp does not count the frames of these. */
const APNG_NOTE = 'Only the first frame of the animation was kept.';

const unreadable = (cause: unknown) =>
  filesError(
    'files.unreadable',
    'The picture is damaged or incomplete; export it again and upload that.',
    { cause },
  );

const refuse = (cause: unknown): never => {
  throw unreadable(cause);
};

/** Brings uploaded pictures of any accepted type into the form that is kept. */
@Injectable()
export class Pictures {
  constructor(private readonly config: Config) {}

  /**
   * Checks the file by content and writes the kept form into `folder`. Lossless sources (PNG, TIFF,
   * lossless WebP) stay lossless as PNG, as does all with transparency; others become JPEG at
   * quality 95 without chroma subsampling. Throws files.unsupported_type, files.too_large (before
   * anything is decoded) or files.unreadable.
   */
  async normalise(source: string, folder: string): Promise<Picture> {
    const { format, isAnimatedPng } = await this.identify(source);
    return oneAtATime(async () => {
      const metadata = await this.inspect(source, format);
      const isHeic = metadata.compression === 'hevc';

      const isLossless =
        format === 'png' ||
        format === 'tiff' ||
        (metadata.hasAlpha && !isHeic) ||
        (format === 'webp' && (await isLosslessWebp(source)));
      const target = path.join(folder, 'picture');
      const heic = isHeic ? await decodeHeic(source, metadata).catch(refuse) : undefined;
      const opened = heic ? this.openRaw(heic) : await this.open(source, metadata, folder);
      const upright = opened.autoOrient().toColourspace('srgb');
      // Huffman tables made for the picture would save a fifth of its bytes, but keep all of its
      // coefficients in memory: 310 MB instead of 25 MB at 24 megapixels, and half as long again.
      const encoded = isLossless
        ? upright.png({ compressionLevel: 4, palette: false })
        : upright.jpeg({ quality: 95, chromaSubsampling: '4:4:4', optimiseCoding: false });
      const { width, height } = await encoded
        .toFile(target)
        .catch((error: unknown) => {
          throw this.decodeError(error);
        })
        // As garbage it would still be there while the next picture is decoded.
        .finally(() => heic?.data.buffer.transfer(0));
      return {
        path: target,
        mimeType: isLossless ? 'image/png' : 'image/jpeg',
        width,
        height,
        note: isAnimatedPng ? APNG_NOTE : this.noteOf(metadata),
      };
    });
  }

  /** Writes a WebP of the first frame that fits into `size` × `size` pixels. Throws files.unreadable. */
  async shrink(source: string, target: string, size: number): Promise<void> {
    await oneAtATime(async () => {
      await sharp(source, { limitInputPixels: this.config.storage.uploadMaxPixels * 4 })
        .resize({ width: size, height: size, fit: 'inside', withoutEnlargement: true })
        .webp({ quality: 80 })
        .toFile(target)
        .catch((error: unknown) => {
          throw this.decodeError(error);
        });
    });
  }

  private async identify(source: string): Promise<{ format: Accepted; isAnimatedPng: boolean }> {
    const type = await fileTypeFromFile(source).catch(() => undefined);
    const format = type && ACCEPTED[type.mime];
    if (format) return { format, isAnimatedPng: type.mime === 'image/apng' };
    throw filesError(
      'files.unsupported_type',
      'Upload a JPEG, PNG, WebP, AVIF, TIFF or HEIC picture; the content counts, not the name.',
    );
  }

  /** Reads the header only. */
  private async inspect(source: string, format: Accepted): Promise<Metadata> {
    const metadata = await sharp(source, { limitInputPixels: false }).metadata().catch(refuse);
    if (metadata.format !== format) throw unreadable(`${metadata.format} behind ${format}`);
    const pixels = metadata.width * (metadata.pageHeight ?? metadata.height);
    const { uploadMaxPixels } = this.config.storage;
    const most = Math.min(maxPixelsOf(metadata), uploadMaxPixels);
    if (pixels > most) {
      throw filesError(
        'files.too_large',
        `The picture has ${metadata.width} × ${metadata.height} pixels; at most ${Math.floor(most / 1_000_000)} megapixels are accepted${most < uploadMaxPixels ? ' in this format, which takes much memory to read; others may be larger' : ''}. Make it smaller and upload that.`,
      );
    }
    return metadata;
  }

  private async open(source: string, metadata: Metadata, folder: string): Promise<Sharp> {
    const limitInputPixels = this.config.storage.uploadMaxPixels;
    const opened = sharp(source, {
      limitInputPixels,
      failOn: 'error',
      sequentialRead: true,
      // Converting sRGB to sRGB would only add rounding; a lossless picture stays exact.
      ignoreIcc: isProfile(metadata.icc, 'sRGB'),
    });
    if (!isTurnedApart(metadata, metadata.width * metadata.height)) return opened;
    const flat = path.join(folder, 'decoded');
    await opened
      .toColourspace('srgb')
      .withMetadata({ orientation: metadata.orientation ?? 1 })
      .tiff({ compression: 'none', predictor: 'none' })
      .toFile(flat)
      .catch((error: unknown) => {
        throw this.decodeError(error);
      });
    return sharp(flat, { limitInputPixels, sequentialRead: true, ignoreIcc: true });
  }

  private openRaw({ data, width, height }: RawPicture): Sharp {
    // Transparency in HEIC is a rarity of stickers, never of photographs: on white.
    return sharp(data, { raw: { width, height, channels: 4 } }).flatten({ background: 'white' });
  }

  private decodeError(error: unknown): unknown {
    if (error instanceof Error && /No space left|disk quota/i.test(error.message)) {
      return filesError('files.storage_full', 'Our storage is full; try again later.', {
        cause: error,
      });
    }
    return unreadable(error);
  }

  private noteOf(metadata: Metadata): string | null {
    const pages = metadata.pages ?? 1;
    return pages > 1 ? `Only the first of ${pages} frames or pages was kept.` : null;
  }
}
