import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pLimit from 'p-limit';
import sharp from 'sharp';

/** One at a time: a picture of 24 megapixels takes some 200 MB while it is pasted. */
const oneAtATime = pLimit(1);

export interface PasteSources {
  /** The customer's picture, upright, at its own resolution. */
  readonly source: Buffer;
  /** The graph's result, near one megapixel. */
  readonly background: Buffer;
  /** The graph's mask: white is the subject. */
  readonly mask: Buffer;
}

/** Which share of the picture a mask makes white, 0 to 1. */
export const coverageOf = async (mask: Buffer): Promise<number> => {
  const { channels } = await sharp(mask).removeAlpha().toColourspace('b-w').stats();
  return (channels[0]?.mean ?? 0) / 255;
};

/**
 * The subject of `source`, untouched, over the `background` scaled up to the size of `source`.
 * Returns a PNG. Works in files, so that libvips streams instead of holding every stage.
 */
export const pasteSubject = ({ source, background, mask }: PasteSources): Promise<Buffer> =>
  oneAtATime(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'hom-paste-'));
    try {
      const { width, height } = await sharp(source).metadata();
      const size = { width, height, fit: 'fill' as const };
      const [opaque, alpha, subject] = ['opaque.png', 'alpha.png', 'subject.png'].map((name) =>
        path.join(folder, name),
      ) as [string, string, string];
      const quick = { compressionLevel: 1 };
      // Two steps: within one pipeline sharp would drop the alpha again.
      await sharp(source)
        .flatten({ background: '#fff' })
        .removeAlpha()
        .toColourspace('srgb')
        .png(quick)
        .toFile(opaque);
      await sharp(mask)
        .removeAlpha()
        .toColourspace('b-w')
        .resize({ ...size, kernel: 'cubic' })
        .png(quick)
        .toFile(alpha);
      await sharp(opaque).joinChannel(alpha).png(quick).toFile(subject);
      return await sharp(background)
        .removeAlpha()
        .toColourspace('srgb')
        .resize({ ...size, kernel: 'lanczos3' })
        .composite([{ input: subject }])
        .removeAlpha()
        .png({ compressionLevel: 6 })
        .toBuffer();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
