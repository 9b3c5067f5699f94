import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a signed link opens. */
export interface LinkClaims {
  readonly method: string;
  readonly fileId: string;
  /** Every query parameter except the signature itself. */
  readonly query: Readonly<Record<string, string>>;
}

/**
 * base64url HMAC-SHA256 over method, file and the whole query: whatever is altered, added or moved
 * to another file no longer fits.
 */
export const signLink = (key: string, { method, fileId, query }: LinkClaims): string => {
  const sorted = Object.entries(query).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify(['file-link', method, fileId, sorted]);
  return createHmac('sha256', key).update(text).digest('base64url');
};

/** Compares in constant time. */
export const isSignatureOf = (key: string, claims: LinkClaims, signature: string): boolean => {
  const [expected, given] = [Buffer.from(signLink(key, claims)), Buffer.from(signature)];
  return expected.length === given.length && timingSafeEqual(expected, given);
};
