import { normaliseAddress } from '../people/address.js';

/** What a verified ID token says about the person, in our terms. */
export interface GoogleClaims {
  /** Google's key for the person; the only stable one. */
  readonly subject: string;
  /** Normalised; empty when Google names none. */
  readonly email: string;
  /** Google has checked the address, at some time. */
  readonly isEmailVerified: boolean;
  /** Google runs that mailbox itself, so whoever signs in there owns it today. */
  readonly isAuthoritative: boolean;
  readonly name: string | null;
}

/** The payload of an ID token whose signature, issuer, audience and times are in order. */
export type IdTokenPayload = Readonly<Record<string, unknown>>;

const MAX_SUBJECT = 255;
const MAX_NAME = 100;
/** How far Google's clock may be ahead of ours. */
const SKEW_SECONDS = 60;

const nameOf = (value: unknown): string | null => {
  if (typeof value !== 'string') return null;
  const name = value.replace(/\p{C}/gu, '').trim();
  return name === '' ? null : Array.from(name).slice(0, MAX_NAME).join('');
};

/** The claims that a JWT library does not check: authorised party, nonce, presence of the times. */
export const isForUs = (
  payload: IdTokenPayload,
  expected: { readonly clientId: string; readonly nonce: string | undefined; readonly now: number },
): boolean => {
  const { aud, azp, exp, iat, nonce } = payload;
  if (typeof exp !== 'number' || typeof iat !== 'number') return false;
  if (iat > expected.now + SKEW_SECONDS) return false;
  // Several audiences need an authorised party, and it has to be us whenever there is one.
  if (Array.isArray(aud) && aud.length > 1 && azp === undefined) return false;
  if (azp !== undefined && azp !== expected.clientId) return false;
  // A token that was made for a nonce counts only with it, so that it serves one flow only.
  return nonce === expected.nonce;
};

/** Undefined when the token names no usable person. */
export const toGoogleClaims = (payload: IdTokenPayload): GoogleClaims | undefined => {
  const { sub, email, email_verified: verified, hd, name } = payload;
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT) return undefined;
  const address = typeof email === 'string' ? normaliseAddress(email) : '';
  const isEmailVerified = verified === true && address.includes('@');
  const isWorkspace = typeof hd === 'string' && hd !== '';
  return {
    subject: sub,
    email: address,
    isEmailVerified,
    isAuthoritative: isEmailVerified && (isWorkspace || address.endsWith('@gmail.com')),
    name: nameOf(name),
  };
};
