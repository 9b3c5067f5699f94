/**
 * What travels along the links of a graph. Pictures are 8-bit, so a paste through a 0/1 mask is
 * exact to the byte; a picture is a batch of frames of one size, a mask is a single frame.
 */

/** An IMAGE: RGB frames, three bytes a pixel, all of one size. */
export interface Image {
  readonly kind: 'image';
  readonly width: number;
  readonly height: number;
  readonly frames: readonly Uint8Array[];
  /** True once it carries the "sandbox" mark. */
  readonly isMarked?: boolean;
}

/** A MASK: one byte a pixel, 255 = the area acted on. */
export interface Mask {
  readonly kind: 'mask';
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A CONDITIONING: the words, the control nets by name, and for an orbit the object. */
export interface Conditioning {
  readonly kind: 'conditioning';
  readonly text: string;
  readonly nets: readonly string[];
  readonly orbit?: { readonly object: Image; readonly frames: number };
}

/** A LATENT: here simply the picture itself, with the area that a sampler may repaint. */
export interface Latent {
  readonly kind: 'latent';
  readonly image: Image;
  readonly repaint?: Mask;
}

/** A SEGS: what a detector found, as one mask with its box. */
export interface Segments {
  readonly kind: 'segments';
  readonly mask: Mask;
}

/** Anything that stands for weights: MODEL, CLIP, VAE, CONTROL_NET, SAM_MODEL, detectors. */
export interface Weights {
  readonly kind: 'weights';
  readonly name: string;
}

export const image = (width: number, height: number, frames: readonly Uint8Array[]): Image => ({
  kind: 'image',
  width,
  height,
  frames,
});

export const mask = (width: number, height: number, data: Uint8Array): Mask => ({
  kind: 'mask',
  width,
  height,
  data,
});

export const weights = (name: string): Weights => ({ kind: 'weights', name });

/** The first frame; every picture that a node produces has one. */
export const firstFrame = (picture: Image): Uint8Array => picture.frames[0] ?? new Uint8Array();
