import { Injectable } from '@nestjs/common';
import type { CookieOptions, Request, Response } from 'express';
import { Config } from '../../config/index.js';
import { Database } from '../../platform/index.js';
import { hashOf, newOpaqueToken } from '../sessions/opaque-token.js';

const COOKIE = 'google_flow';
const MINUTES_VALID = 10;

/** What the strategy keeps between the two halves of a sign-in: state, nonce, PKCE verifier. */
export type FlowState = Record<string, unknown>;

export interface Flow {
  readonly state: FlowState;
  /** Where in the frontend the person wanted to go: a path. */
  readonly returnTo: string | null;
}

/** Sign-ins with Google under way: kept here, bound to the browser by a cookie, used up by one callback. */
@Injectable()
export class GoogleFlows {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  async begin(response: Response, flow: Flow): Promise<void> {
    const secret = newOpaqueToken();
    await this.database.query(
      `INSERT INTO google_flows (cookie_hash, state, return_to, expires_at)
       VALUES ($1, $2, $3, now() + make_interval(mins => $4))`,
      [hashOf(secret), JSON.stringify(flow.state), flow.returnTo, MINUTES_VALID],
    );
    response.cookie(COOKIE, secret, { ...this.cookie, maxAge: MINUTES_VALID * 60_000 });
  }

  /** The flow of this browser, for the first who asks. */
  async take(request: Request, response: Response): Promise<Flow | undefined> {
    const secret = /(?:^|;\s*)google_flow=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];
    if (secret === undefined) return undefined;
    response.clearCookie(COOKIE, this.cookie);
    return this.database.one<Flow>(
      `WITH taken AS (DELETE FROM google_flows WHERE cookie_hash = $1 RETURNING *)
       SELECT state, return_to AS "returnTo" FROM taken WHERE expires_at > now()`,
      [hashOf(secret)],
    );
  }

  private get cookie(): CookieOptions {
    return {
      httpOnly: true,
      // The callback is a navigation that begins at Google; strict would drop the cookie.
      sameSite: 'lax',
      secure: this.config.http.publicUrl.startsWith('https:'),
      path: '/v1/auth/google',
    };
  }
}
