import type { Metadata } from 'sharp';

/** What one decode may need at its peak: the process stays below 400 MB more. */
const BUDGET_BYTES = 380_000_000;

/** Decoded whole and held in several copies, as measured: HEVC, AV1, AV1 with alpha or deeper colours. */
const HEVC = 15;
const AV1 = 18;
const AV1_LARGE = 24;
/** A WebP is decoded whole. */
const WEBP = 7.5;
/** Coefficients, which a progressive JPEG gives only when all of it was read. */
const COEFFICIENT = 2;
/** What is decoded line by line. */
const STREAMED = 0.5;

const BYTES_OF: Readonly<Record<string, number>> = { uchar: 1, char: 1, ushort: 2, short: 2 };

/** Of a pixel as the decoder gives it. */
const pixelBytes = ({ channels, depth }: Metadata): number => channels * (BYTES_OF[depth] ?? 4);

/** Bytes of memory that decoding takes for each pixel, by what the header says. */
const bytesPerPixel = (metadata: Metadata): number => {
  const { format, compression, isProgressive, channels, depth, hasAlpha } = metadata;
  switch (format) {
    case 'heif':
      if (compression === 'hevc') return HEVC;
      return depth === 'uchar' && !hasAlpha ? AV1 : AV1_LARGE;
    case 'webp':
      return WEBP;
    case 'jpeg':
      return isProgressive ? channels * COEFFICIENT : STREAMED;
    case 'png':
      return isProgressive ? pixelBytes(metadata) : STREAMED;
    default:
      // A TIFF may be one strip, which is read whole.
      return pixelBytes(metadata);
  }
};

/** The largest picture of this kind that can be decoded within the budget, in pixels. */
export const maxPixelsOf = (metadata: Metadata): number =>
  Math.floor(BUDGET_BYTES / bytesPerPixel(metadata));

/**
 * True when decoding and turning the picture at once would take more than the budget: turning needs
 * all of its pixels in memory, in the depth of the source.
 */
export const isTurnedApart = (metadata: Metadata, pixels: number): boolean =>
  (metadata.orientation ?? 1) > 1 &&
  pixels * (bytesPerPixel(metadata) + pixelBytes(metadata)) > BUDGET_BYTES;
