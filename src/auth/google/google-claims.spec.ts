import { describe, expect, it } from 'vitest';
import { isForUs, toGoogleClaims } from './google-claims.js';

const now = 1_795_400_000;
const payload = { aud: 'us', iat: now, exp: now + 3_600 };
const expected = { clientId: 'us', nonce: undefined, now };

describe('isForUs', () => {
  it.each([
    ['plain', payload],
    ['our own authorised party', { ...payload, azp: 'us' }],
    ['several audiences and us as party', { ...payload, aud: ['us', 'them'], azp: 'us' }],
    ['a clock a minute ahead', { ...payload, iat: now + 60 }],
  ])('accepts: %s', (_what, claims) => {
    expect(isForUs(claims, expected)).toBe(true);
  });

  it.each([
    ['another authorised party', { ...payload, azp: 'them' }],
    ['several audiences without a party', { ...payload, aud: ['us', 'them'] }],
    ['no expiry', { ...payload, exp: undefined }],
    ['no time of issue', { ...payload, iat: undefined }],
    ['issued in the future', { ...payload, iat: now + 61 }],
    ['a nonce that nobody asked for', { ...payload, nonce: 'n' }],
  ])('refuses: %s', (_what, claims) => {
    expect(isForUs(claims, expected)).toBe(false);
  });

  it.each([
    ['the nonce', 'n', true],
    ['another nonce', 'm', false],
    ['no nonce', undefined, false],
  ])('with a nonce expected, %s gives %s → %s', (_what, nonce, outcome) => {
    expect(isForUs({ ...payload, nonce }, { ...expected, nonce: 'n' })).toBe(outcome);
  });
});

describe('toGoogleClaims', () => {
  const base = { sub: '1', email: 'Ada@Example.com', email_verified: true };

  it.each([
    ['gmail', { ...base, email: 'ada@gmail.com' }, true],
    ['a workspace', { ...base, hd: 'example.com' }, true],
    ['another provider', base, false],
    ['gmail, not verified', { ...base, email: 'ada@gmail.com', email_verified: false }, false],
    ['verified as text', { ...base, email: 'ada@gmail.com', email_verified: 'true' }, false],
    ['a name that ends alike', { ...base, email: 'ada@notgmail.com' }, false],
  ])('takes Google as authoritative for %s: %#', (_what, claims, expected) => {
    expect(toGoogleClaims(claims)?.isAuthoritative).toBe(expected);
  });

  it.each([{ sub: 7 }, { sub: '' }, { sub: 'x'.repeat(256) }, {}])('needs a subject: %j', (sub) => {
    expect(toGoogleClaims({ ...base, sub: undefined, ...sub })).toBeUndefined();
  });

  it('normalises the address and cleans the name', () => {
    expect(toGoogleClaims({ ...base, name: ' A\0da ' })).toMatchObject({
      email: 'ada@example.com',
      name: 'Ada',
    });
  });
});
