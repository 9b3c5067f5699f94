import pLimit from 'p-limit';
import sharp from 'sharp';
import type { InlinePicture } from '../sending/mime.js';

/** Longest side in a mail, in pixels. */
const STILL_SIDE = 600;
const MOVING_SIDE = 320;
/** Mail programs cut large mails; an animation above this becomes its first frame. */
const MOVING_MAX_BYTES = 1_500_000;
const MOST_PIXELS = 100_000_000;

// Ten mails are written at once: memory stays that of one picture.
const oneAtATime = pLimit(1);

const still = (source: string): Promise<Buffer> =>
  sharp(source, { limitInputPixels: MOST_PIXELS })
    .rotate()
    .resize({ width: STILL_SIDE, height: STILL_SIDE, fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .jpeg({ quality: 80 })
    .toBuffer();

/** GIF, because Outlook and others show no animated WebP. */
const moving = (source: string): Promise<Buffer> =>
  sharp(source, { animated: true, limitInputPixels: MOST_PIXELS })
    .resize({ width: MOVING_SIDE, withoutEnlargement: true })
    .gif({ effort: 3, colours: 128 })
    .toBuffer();

/** The picture at the path `source` as a mail shows it: small, a JPEG, or a GIF when it moves. Throws for what is none. */
export const inlinePicture = (
  source: string,
  cid: string,
  fileName: string,
): Promise<InlinePicture> => oneAtATime(() => shrunk(source, cid, fileName));

const shrunk = async (source: string, cid: string, fileName: string): Promise<InlinePicture> => {
  const { pages = 1 } = await sharp(source, { limitInputPixels: MOST_PIXELS }).metadata();
  if (pages > 1) {
    const animation = await moving(source);
    if (animation.length <= MOVING_MAX_BYTES) {
      return { cid, fileName: `${fileName}.gif`, mimeType: 'image/gif', bytes: animation };
    }
  }
  return { cid, fileName: `${fileName}.jpg`, mimeType: 'image/jpeg', bytes: await still(source) };
};
