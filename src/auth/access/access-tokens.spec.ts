import { randomUUID } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ACCESS_TOKEN_SECONDS, AccessTokens } from './access-tokens.js';

const claims = { personId: randomUUID(), sessionId: randomUUID() };
const jwt = new JwtService({
  secret: 'a secret of the test alone',
  signOptions: { header: { alg: 'HS256', typ: 'at+jwt' }, expiresIn: ACCESS_TOKEN_SECONDS },
});

beforeEach(() => vi.useFakeTimers({ now: 1_800_000_000_000 }));
afterEach(() => vi.useRealTimers());

describe('AccessTokens', () => {
  it('says what a token claims, however often it is shown, until it expires', () => {
    const tokens = new AccessTokens(jwt);
    const verify = vi.spyOn(jwt, 'verify');
    const token = tokens.sign(claims);
    expect(tokens.read(token)).toMatchObject(claims);
    vi.advanceTimersByTime(ACCESS_TOKEN_SECONDS * 1_000 - 1);
    expect(tokens.read(token)).toMatchObject(claims);
    expect(verify).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    expect(tokens.read(token)).toBeUndefined();
  });

  it('knows one token only by all of its letters', () => {
    const tokens = new AccessTokens(jwt);
    const token = tokens.sign(claims);
    expect(tokens.read(token)).toMatchObject(claims);
    const other = token.at(-9) === 'A' ? 'B' : 'A';
    expect(tokens.read(`${token.slice(0, -9)}${other}${token.slice(-8)}`)).toBeUndefined();
    expect(tokens.read(token.slice(0, -1))).toBeUndefined();
  });
});
