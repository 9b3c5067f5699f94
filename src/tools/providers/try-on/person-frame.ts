import { ProviderError, type Picture, type TryOnRequest } from '../provider.js';

/** IDM-VTON sees pictures of 3 to 4; any other is squashed, unless it is told to take the middle. */
const RATIO = 3 / 4;
const TOLERANCE = 0.01;
const MASK_THRESHOLD = 128;

/** The person as IDM-VTON takes them. */
export interface PersonFrame {
  readonly person: Picture;
  /** Pure black and white, of the person's size and ratio. */
  readonly mask: Picture | undefined;
  /** The provider itself must take the middle of 3 to 4, and put the result back into the whole. */
  readonly needsCrop: boolean;
}

const isPortrait = ({ width, height }: Picture): boolean =>
  Math.abs(width / height - RATIO) <= TOLERANCE;

/**
 * Revisions of the application disagree about what of a mask they cut off when they crop. With a mask
 * the middle is therefore taken here, from person and mask alike, and the provider crops nothing.
 * Throws ProviderError `invalid` for a mask that cannot be read or shows nothing.
 */
export const frameOf = async ({ person, mask }: TryOnRequest): Promise<PersonFrame> => {
  if (!mask) return { person, mask: undefined, needsCrop: !isPortrait(person) };
  const size = isPortrait(person) ? person : middleOf(person);
  return {
    person: size === person ? person : await cut(person, size),
    mask: await binary(mask, person, size),
    needsCrop: false,
  };
};

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The largest part of 3 to 4. */
const middleOf = ({ width, height }: Size): Size => ({
  width: Math.min(width, Math.floor(height * RATIO)),
  height: Math.min(height, Math.floor(width / RATIO)),
});

/** sharp is only loaded where a mask was given. */
const open = async (picture: Picture) => (await import('sharp')).default(picture.bytes);

const area = (whole: Size, { width, height }: Size) => ({
  left: Math.floor((whole.width - width) / 2),
  top: Math.floor((whole.height - height) / 2),
  width,
  height,
});

const cut = async (person: Picture, size: Size): Promise<Picture> => {
  const upright = (await open(person)).autoOrient();
  const bytes = await upright.extract(area(person, size)).jpeg({ quality: 95 }).toBuffer();
  return { bytes, mimeType: 'image/jpeg', ...size };
};

const binary = async (mask: Picture, whole: Size, size: Size): Promise<Picture> => {
  try {
    const fitted = (await open(mask))
      .autoOrient()
      .flatten({ background: '#000' })
      .greyscale()
      .resize(whole.width, whole.height, { fit: 'fill', kernel: 'nearest' });
    // One step after the other: sharp would extract before it resizes.
    const { data, info } = await fitted.raw().toBuffer({ resolveWithObject: true });
    const { default: sharp } = await import('sharp');
    const raw = { width: info.width, height: info.height, channels: info.channels };
    const cutOut = sharp(data, { raw }).extract(area(whole, size)).threshold(MASK_THRESHOLD);
    const { channels } = await cutOut.clone().stats();
    if ((channels[0]?.max ?? 0) === 0) {
      throw new ProviderError('invalid', 'The mask is black: it leaves no place for the garment.');
    }
    return { bytes: await cutOut.png().toBuffer(), mimeType: 'image/png', ...size };
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    throw new ProviderError('invalid', 'The mask cannot be read as a picture.', { cause: error });
  }
};

/** A part of a multipart body. */
export const blobOf = ({ bytes, mimeType }: Picture): Blob =>
  new Blob([new Uint8Array(bytes)], { type: mimeType });

/** A file name with the ending that the picture's type has. */
export const fileNameOf = (stem: string, { mimeType }: Picture): string =>
  `${stem}.${mimeType.replace(/^image\//, '')}`;
