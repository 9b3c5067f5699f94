import { Injectable, Logger, type ExecutionContext } from '@nestjs/common';
import { AuthGuard as PassportGuard } from '@nestjs/passport';
import type { Response } from 'express';
import { DomainError } from '../../platform/index.js';
import type { GoogleClaims } from './google-claims.js';
import { GoogleFlows } from './google-flows.js';
import { GoogleIdTokens, googleRefused } from './google-id-tokens.js';
import { GoogleProvider, type Provider } from './google-provider.js';
import { GOOGLE_STRATEGY, GoogleStrategy, type FlowRequest } from './google.strategy.js';

/** What came of the sign-in; a refusal is a value, because the callback answers it with a redirect. */
export type GoogleOutcome = { readonly claims: GoogleClaims } | { readonly refusal: DomainError };

const RETURN_TO = /^\/(?![/\\])[\w\-./~%]{0,200}$/;

/** Only a path within the frontend: nobody is sent elsewhere by a link to us. */
const returnToOf = (value: unknown): string | null =>
  typeof value === 'string' && RETURN_TO.test(value) ? value : null;

/** Runs Passport's Google strategy for both halves of the flow. The first half ends in a redirect. */
@Injectable()
export class GoogleGuard extends PassportGuard(GOOGLE_STRATEGY) {
  private readonly logger = new Logger(GoogleGuard.name);
  private prepared: Provider | undefined;

  constructor(
    private readonly provider: GoogleProvider,
    private readonly flows: GoogleFlows,
    private readonly idTokens: GoogleIdTokens,
  ) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.prepare();
    const http = context.switchToHttp();
    const request = http.getRequest<FlowRequest>();
    const flow = request.path.includes('/callback')
      ? await this.flows.take(request, http.getResponse<Response>())
      : { state: {}, returnTo: returnToOf(request.query['returnTo']) };
    if (flow) request.flow = flow;
    request.session = { ...flow?.state };
    return (await super.canActivate(context)) as boolean;
  }

  override handleRequest<Outcome>(error: unknown, claims: GoogleClaims | false): Outcome {
    if (error instanceof Error) this.logger.warn(`Google sign-in refused: ${error.message}`);
    const outcome: GoogleOutcome = claims
      ? { claims }
      : { refusal: error instanceof DomainError ? error : googleRefused(error) };
    return outcome as Outcome;
  }

  /** The strategy needs the provider's metadata, so it registers itself when first used. */
  private async prepare(): Promise<void> {
    const provider = await this.provider.get();
    if (provider === this.prepared) return;
    new GoogleStrategy(provider, this.provider.callbackUrl, this.flows, this.idTokens);
    this.prepared = provider;
  }
}
