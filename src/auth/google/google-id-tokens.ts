import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { authError } from '../auth.errors.js';
import {
  isForUs,
  toGoogleClaims,
  type GoogleClaims,
  type IdTokenPayload,
} from './google-claims.js';
import { GoogleProvider, type Provider } from './google-provider.js';

const ALGORITHM = 'RS256';
const CLOCK_TOLERANCE_SECONDS = 10;

interface Header {
  readonly kid?: unknown;
  readonly alg?: unknown;
}

export const googleRefused = (cause?: unknown) =>
  authError('auth.google_refused', 'Start the sign-in with Google once more.', { cause });

/** Checks ID tokens, whichever way they came: RS256 with a current key of the issuer, and made for us. */
@Injectable()
export class GoogleIdTokens {
  /** Not the module's, which checks everything with our own key. */
  private readonly jwt = new JwtService();

  constructor(private readonly provider: GoogleProvider) {}

  /**
   * What the token says. `nonce`: the one it was asked for with; a token made for a nonce is refused
   * without it. Throws auth.google_refused and auth.google_unavailable.
   */
  async read(idToken: string, nonce: string | undefined): Promise<GoogleClaims> {
    const provider = await this.provider.get();
    const payload = await this.verify(provider, idToken);
    const now = Math.floor(Date.now() / 1_000);
    const isOurs = payload && isForUs(payload, { clientId: provider.clientId, nonce, now });
    const claims = isOurs ? toGoogleClaims(payload) : undefined;
    if (!claims) throw googleRefused();
    return claims;
  }

  private async verify(provider: Provider, idToken: string): Promise<IdTokenPayload | undefined> {
    const decoded = this.jwt.decode<{ header: Header } | null>(idToken, { complete: true });
    const { alg, kid } = decoded?.header ?? {};
    if (alg !== ALGORITHM || typeof kid !== 'string') return undefined;
    const key = await provider.keys.find(kid).catch((error: unknown) => {
      throw this.provider.unavailable(error);
    });
    if (!key) return undefined;
    try {
      return this.jwt.verify<Record<string, unknown>>(idToken, {
        publicKey: key.export({ type: 'spki', format: 'pem' }),
        algorithms: [ALGORITHM],
        audience: provider.clientId,
        issuer: provider.issuers,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      });
    } catch {
      // Whatever is wrong with it, it proves nothing.
      return undefined;
    }
  }
}
