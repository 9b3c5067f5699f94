import { createSecretKey } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtService, type JwtModuleOptions } from '@nestjs/jwt';
import type { Config } from '../../config/index.js';

/** How long an access token is valid. */
export const ACCESS_TOKEN_SECONDS = 15 * 60;

const ALGORITHM = 'HS256';
/** The header's `typ` (RFC 9068): no other kind of token passes for an access token. */
const TYPE = 'at+jwt';
const AUDIENCE = 'house-of-models';
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

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

export interface AccessClaims {
  readonly personId: string;
  readonly sessionId: string;
}

interface CompleteToken {
  readonly header: { readonly typ?: string };
  readonly payload: { readonly sub?: unknown; readonly sid?: unknown; readonly exp?: unknown };
}

/** Access tokens: JWT, HS256 only, 15 minutes; they name a person and a session and grant nothing else. */
@Injectable()
export class AccessTokens {
  constructor(private readonly jwt: JwtService) {}

  sign({ personId, sessionId }: AccessClaims): string {
    return this.jwt.sign({ sid: sessionId }, { subject: personId });
  }

  /** What the token claims, or undefined when anything about it is wrong. */
  read(token: string): AccessClaims | undefined {
    try {
      const { header, payload } = this.jwt.verify<CompleteToken>(token, { complete: true });
      const { sub, sid, exp } = payload;
      if (header.typ !== TYPE || typeof exp !== 'number') return undefined;
      if (typeof sub !== 'string' || typeof sid !== 'string') return undefined;
      return UUID.test(sub) && UUID.test(sid) ? { personId: sub, sessionId: sid } : undefined;
    } catch {
      // Whatever is wrong with it, the caller has no valid token.
      return undefined;
    }
  }
}
