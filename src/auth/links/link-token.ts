import { createHmac, timingSafeEqual } from 'node:crypto';

export type LinkPurpose = 'verify-email' | 'reset-password' | 'change-address';

export interface LinkContent {
  readonly id: string;
  readonly purpose: LinkPurpose;
  readonly address: string;
}

const signatureOf = (key: string, { id, purpose, address }: LinkContent): string =>
  createHmac('sha256', key).update(`account-link|${purpose}|${id}|${address}`).digest('base64url');

/** The token in a link: the row's id and a signature over purpose, id and address. Never stored. */
export const linkToken = (key: string, content: LinkContent): string =>
  `${content.id}.${signatureOf(key, content)}`;

const TOKEN = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[\w-]{43}$/;

/** The id that a token claims; undefined when it cannot be one of ours. Proves nothing yet. */
export const claimedLinkId = (token: string): string | undefined => TOKEN.exec(token)?.[1];

/** True when the token was made by {@link linkToken} with this key for exactly this content. */
export const isTokenOf = (key: string, token: string, content: LinkContent): boolean => {
  const [given, expected] = [Buffer.from(token), Buffer.from(linkToken(key, content))];
  return given.length === expected.length && timingSafeEqual(given, expected);
};
