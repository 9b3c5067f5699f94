import { createSecretKey } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtService, type JwtModuleOptions } from '@nestjs/jwt';
import { LRUCache } from 'lru-cache';
import type { Config } from '../../config/index.js';
import { isUuid } from '../../platform/index.js';

/** How long an access token is valid. */
export const ACCESS_TOKEN_SECONDS = 15 * 60;

const ALGORITHM = 'HS256';
/** The header's `typ` (RFC 9068): no other kind of token passes for an access token. */
const TYPE = 'at+jwt';
const AUDIENCE = 'house-of-models';

export const jwtOptions = (config: Config): JwtModuleOptions => {
  // Made once: jsonwebtoken would try a string as a public key first, for every token that it reads.
  const key = createSecretKey(config.auth.jwtKey, 'utf8');
  return {
    secretOrKeyProvider: () => key,
    signOptions: {
      algorithm: ALGORITHM,
      header: { alg: ALGORITHM, typ: TYPE },
      issuer: config.http.publicUrl,
      audience: AUDIENCE,
      expiresIn: ACCESS_TOKEN_SECONDS,
    },
    verifyOptions: {
      algorithms: [ALGORITHM],
      issuer: config.http.publicUrl,
      audience: AUDIENCE,
    },
  };
};

/** Tokens that were verified lately: a client shows the same one with every request. */
const KNOWN_TOKENS = 2_000;

export interface AccessClaims {
  readonly personId: string;
  readonly sessionId: string;
}

interface KnownToken extends AccessClaims {
  /** Seconds since 1970. */
  readonly expires: number;
}

interface CompleteToken {
  readonly header: { readonly typ?: string };
  readonly payload: { readonly sub?: unknown; readonly sid?: unknown; readonly exp?: unknown };
}

/** Access tokens: JWT, HS256 only, 15 minutes; they name a person and a session and grant nothing else. */
@Injectable()
export class AccessTokens {
  private readonly known = new LRUCache<string, KnownToken>({ max: KNOWN_TOKENS });

  constructor(private readonly jwt: JwtService) {}

  sign({ personId, sessionId }: AccessClaims): string {
    return this.jwt.sign({ sid: sessionId }, { subject: personId });
  }

  /** What the token claims, or undefined when anything about it is wrong. */
  read(token: string): AccessClaims | undefined {
    const known = this.known.get(token) ?? this.verify(token);
    return known && Date.now() < known.expires * 1_000 ? known : undefined;
  }

  private verify(text: string): KnownToken | undefined {
    try {
      const { header, payload } = this.jwt.verify<CompleteToken>(text, { complete: true });
      const { sub, sid, exp } = payload;
      if (header.typ !== TYPE || typeof exp !== 'number') return undefined;
      if (typeof sub !== 'string' || typeof sid !== 'string') return undefined;
      if (!isUuid(sub) || !isUuid(sid)) return undefined;
      const token = { personId: sub, sessionId: sid, expires: exp };
      this.known.set(text, token);
      return token;
    } catch {
      // Whatever is wrong with it, the caller has no valid token.
      return undefined;
    }
  }
}
