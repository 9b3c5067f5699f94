import { Injectable, Logger } from '@nestjs/common';
import { allowInsecureRequests, discovery, type Configuration } from 'openid-client';
import { Config } from '../../config/index.js';
import { authError } from '../auth.errors.js';
import { GoogleKeys } from './google-keys.js';

const REDISCOVER_MS = 24 * 3_600_000;
const TIMEOUT_SECONDS = 5;
/** Google signs with either spelling. */
const GOOGLE = 'https://accounts.google.com';
const GOOGLE_SHORT = 'accounts.google.com';

export interface Provider {
  readonly client: Configuration;
  readonly clientId: string;
  /** The values of `iss` that count. */
  readonly issuers: [string, ...string[]];
  readonly keys: GoogleKeys;
  readonly discoveredAt: number;
}

/** The OpenID provider behind "Google": the one at GOOGLE_ISSUER, discovered when first needed. */
@Injectable()
export class GoogleProvider {
  private readonly logger = new Logger(GoogleProvider.name);
  private provider: Provider | undefined;
  private discovering: Promise<Provider> | undefined;

  constructor(private readonly config: Config) {}

  /** Throws auth.google_not_configured (503) without settings and auth.google_unavailable (503). */
  async get(): Promise<Provider> {
    const known = this.provider;
    if (known && performance.now() < known.discoveredAt + REDISCOVER_MS) return known;
    this.discovering ??= this.discover().finally(() => (this.discovering = undefined));
    try {
      this.provider = await this.discovering;
    } catch (error) {
      if (known) return known;
      throw this.unavailable(error);
    }
    return this.provider;
  }

  /** Where Google sends the browser back to; from configuration, never from the request. */
  get callbackUrl(): string {
    return `${this.config.http.publicUrl}/v1/auth/google/callback`;
  }

  unavailable(cause: unknown): Error {
    if (!this.config.auth.google) return this.notConfigured();
    this.logger.warn({ err: cause }, 'the OpenID provider does not answer');
    return authError('auth.google_unavailable', 'Try again in a minute.', {
      headers: { 'Retry-After': '60' },
      cause,
    });
  }

  private async discover(): Promise<Provider> {
    const { google } = this.config.auth;
    if (!google) throw this.notConfigured();
    const isInsecure = google.issuer.startsWith('http:') && !this.config.process.isProduction;
    const client = await discovery(
      new URL(google.issuer),
      google.clientId,
      google.clientSecret,
      undefined,
      { execute: isInsecure ? [allowInsecureRequests] : [], timeout: TIMEOUT_SECONDS },
    );
    const { issuer, jwks_uri: jwksUri } = client.serverMetadata();
    if (jwksUri === undefined) throw new Error('The provider publishes no keys.');
    return {
      client,
      clientId: google.clientId,
      issuers: issuer === GOOGLE ? [issuer, GOOGLE_SHORT] : [issuer],
      keys: new GoogleKeys(jwksUri),
      discoveredAt: performance.now(),
    };
  }

  private notConfigured() {
    return authError(
      'auth.google_not_configured',
      'Log in with address and password; this installation has no Google sign-in.',
    );
  }
}
