/** Parts of pictures and masks, and pictures from bytes, for the composed try-on. */
import { loadSharp } from '../pictures/codec.js';
import { firstFrame, image, mask, type Image, type Mask } from '../values.js';

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export const fullOf = ({ width, height }: Image): Box => ({ left: 0, top: 0, width, height });

/** Upright pixels of one or three channels. */
export const rawPicture = async (bytes: Uint8Array, channels: 1 | 3) => {
  const sharp = await loadSharp();
  const upright = sharp(bytes).autoOrient().flatten({ background: '#fff' });
  const coloured = channels === 3 ? upright.toColourspace('srgb') : upright.toColourspace('b-w');
  return coloured.raw().toBuffer({ resolveWithObject: true });
};

export const decode = async (bytes: Uint8Array): Promise<Image> => {
  const { data, info } = await rawPicture(bytes, 3);
  return image(info.width, info.height, [new Uint8Array(data)]);
};

export const part = async (picture: Image, box: Box): Promise<Image> => {
  const sharp = await loadSharp();
  const { width, height } = picture;
  const raw = sharp(firstFrame(picture), { raw: { width, height, channels: 3 } });
  return image(box.width, box.height, [new Uint8Array(await raw.extract(box).raw().toBuffer())]);
};

export const partOfMask = (source: Mask, box: Box): Mask => {
  const data = new Uint8Array(box.width * box.height);
  for (let row = 0; row < box.height; row += 1) {
    const from = (row + box.top) * source.width + box.left;
    data.set(source.data.subarray(from, from + box.width), row * box.width);
  }
  return mask(box.width, box.height, data);
};
