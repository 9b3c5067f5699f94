import path from 'node:path';
import pLimit from 'p-limit';
import sharp from 'sharp';

/** One at a time: a picture of 24 megapixels keeps a core busy for seconds. */
const oneAtATime = pLimit(1);

/** Paths of pictures. */
export interface PasteSources {
  /** The customer's picture, upright, at its own resolution. */
  readonly source: string;
  /** The graph's result, near one megapixel. */
  readonly painted: string;
  /** The graph's mask; undefined: the result is only brought to the size of the source. */
  readonly mask: string | undefined;
  /** Where the mask has this colour, the source is kept. */
  readonly kept: 'white' | 'black';
}

/** Which share of the picture at this path a mask makes white, 0 to 1. */
export const coverageOf = async (mask: string): Promise<number> => {
  const { channels } = await sharp(mask).removeAlpha().toColourspace('b-w').stats();
  return (channels[0]?.mean ?? 0) / 255;
};

const quick = { compressionLevel: 1 };

/** The source as a PNG with the kept part opaque. Two steps: in one, sharp would drop the alpha. */
const keptPart = async (
  folder: string,
  { source, mask, kept }: PasteSources & { readonly mask: string },
  size: { readonly width: number; readonly height: number },
): Promise<string> => {
  const [opaque, alpha, part] = ['opaque.png', 'alpha.png', 'part.png'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string];
  await sharp(source)
    .flatten({ background: '#fff' })
    .removeAlpha()
    .toColourspace('srgb')
    .png(quick)
    .toFile(opaque);
  const white = sharp(mask)
    .removeAlpha()
    .toColourspace('b-w')
    .resize({ ...size, fit: 'fill', kernel: 'cubic' });
  await (kept === 'white' ? white : white.negate()).png(quick).toFile(alpha);
  await sharp(opaque).joinChannel(alpha).png(quick).toFile(part);
  return part;
};

/**
 * The `painted` picture scaled to the size of `source`, with the kept part of `source` untouched
 * over it, as a PNG in `folder`, which the caller removes. Returns its path. Works in files, so that
 * libvips streams instead of holding every stage, and no large picture waits for the collector.
 */
export const pasteSubject = (folder: string, sources: PasteSources): Promise<string> =>
  oneAtATime(async () => {
    const { width, height } = await sharp(sources.source).metadata();
    const { mask } = sources;
    const layers = mask
      ? [{ input: await keptPart(folder, { ...sources, mask }, { width, height }) }]
      : [];
    const target = path.join(folder, 'pasted.png');
    await sharp(sources.painted)
      .removeAlpha()
      .toColourspace('srgb')
      .resize({ width, height, fit: 'fill', kernel: 'lanczos3' })
      .composite(layers)
      .removeAlpha()
      .png({ compressionLevel: 6 })
      .toFile(target);
    return target;
  });
