import { extensionOf } from './file-name.js';
import type { Draft } from './file-records.js';

/** Widths and heights that thumbnails fit into, in pixels. */
export const THUMBNAIL_SIZES = [256, 1024] as const;
export type ThumbnailSize = (typeof THUMBNAIL_SIZES)[number];

/**
 * Where a file's bytes go. Every key carries the file's own id, so none is ever written twice and
 * every object leads back to its row.
 */
export const keyOf = (
  draft: Pick<Draft, 'id' | 'userId' | 'kind' | 'mimeType' | 'jobId' | 'discriminator'>,
): string => {
  const name = `${draft.id}.${extensionOf(draft.mimeType)}`;
  return draft.kind === 'input'
    ? `inputs/${draft.userId}/${name}`
    : `outputs/${draft.jobId}/${draft.discriminator}/${name}`;
};

export const originalKeyOf = (fileId: string): string => `originals/${fileId}.bin`;

export const thumbnailKeyOf = (fileId: string, size: ThumbnailSize): string =>
  `thumbnails/${size}/${fileId}.webp`;

/** Every object that may exist for a file besides its own. */
export const derivedKeysOf = (fileId: string): string[] => [
  originalKeyOf(fileId),
  ...THUMBNAIL_SIZES.map((size) => thumbnailKeyOf(fileId, size)),
];

const FILE_ID = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[a-z0-9]+$/;

/** The id of the file that an object belongs to; undefined for an object that is none of ours. */
export const fileIdOf = (key: string): string | undefined => FILE_ID.exec(key)?.[1];
