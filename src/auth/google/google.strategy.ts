import { PassportStrategy } from '@nestjs/passport';
import type { Request, Response } from 'express';
import { randomNonce, randomState } from 'openid-client';
import { Strategy, type AuthenticateOptions } from 'openid-client/passport';
import type { GoogleClaims } from './google-claims.js';
import type { Flow, FlowState, GoogleFlows } from './google-flows.js';
import { googleRefused, type GoogleIdTokens } from './google-id-tokens.js';
import type { Provider } from './google-provider.js';

export const GOOGLE_STRATEGY = 'google';
const SESSION_KEY = 'google';

/** The request as the strategy sees it: the flow's state in place of a session, which it empties. */
export type FlowRequest = Request & { session?: FlowState; flow?: Flow };

interface TokenAnswer {
  readonly id_token?: string;
}

const nonceOf = (flow: Flow | undefined): string | undefined => {
  const kept = flow?.state[SESSION_KEY] as { nonce?: string } | undefined;
  return kept?.nonce;
};

/** What Passport mixes into a strategy for one request. */
interface Augmented {
  redirect(url: string, status?: number): void;
  error(error: unknown): void;
}

/**
 * The code flow with PKCE, state and nonce, by openid-client. Its answer is checked by the same code
 * that checks ID tokens of the button, signature included.
 */
export class GoogleStrategy extends PassportStrategy(Strategy, GOOGLE_STRATEGY) {
  constructor(
    provider: Provider,
    private readonly callback: string,
    private readonly flows: GoogleFlows,
    private readonly idTokens: GoogleIdTokens,
  ) {
    super({
      config: provider.client,
      callbackURL: callback,
      scope: 'openid email profile',
      sessionKey: SESSION_KEY,
      passReqToCallback: true,
    });
  }

  override authorizationRequestParams<Options extends AuthenticateOptions>(
    request: Request,
    options: Options,
  ): URLSearchParams {
    const parameters = new URLSearchParams(super.authorizationRequestParams(request, options));
    parameters.set('state', randomState());
    parameters.set('nonce', randomNonce());
    return parameters;
  }

  /** Built from configuration: the Host header of a request decides nothing. */
  override currentUrl(request: Request): URL {
    return new URL(this.callback + new URL(request.originalUrl, 'http://ignored').search);
  }

  /** The library decides by the query; here the route does, so that a stray `code` starts nothing. */
  override shouldInitiateAuthRequest(request: Request): boolean {
    return !request.path.includes('/callback');
  }

  override authenticate(request: FlowRequest, options: AuthenticateOptions): void {
    const self = this as unknown as Augmented;
    const redirect = self.redirect.bind(self);
    // The browser leaves only once the flow that it comes back to is stored.
    self.redirect = (url, status) => {
      const flow = { state: request.session ?? {}, returnTo: request.flow?.returnTo ?? null };
      this.flows.begin(request.res as Response, flow).then(
        () => redirect(url, status),
        (error: unknown) => self.error(error),
      );
    };
    super.authenticate.call(this as never, request, options);
  }

  async validate(request: FlowRequest, tokens: TokenAnswer): Promise<GoogleClaims> {
    if (tokens.id_token === undefined) throw googleRefused();
    return this.idTokens.read(tokens.id_token, nonceOf(request.flow));
  }
}
