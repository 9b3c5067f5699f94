import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';

const DEFAULT_SECONDS = 3_600;
const MAX_SECONDS = 24 * 3_600;
/** An unknown key id may be a rotation: look again, but never more often than this. */
const REFETCH_MS = 1_000;
const TIMEOUT_MS = 5_000;

interface Jwks {
  readonly keys?: readonly (JsonWebKey & { kid?: string; use?: string })[];
}

const maxAgeSeconds = (cacheControl: string | null): number => {
  const given = Number(/max-age=(\d+)/.exec(cacheControl ?? '')?.[1] ?? DEFAULT_SECONDS);
  return Math.min(given, MAX_SECONDS);
};

/** The issuer's current RSA signing keys: cached as long as it allows, looked up anew for an unknown id. */
export class GoogleKeys {
  private keys = new Map<string, KeyObject>();
  private fetchedAt = -Infinity;
  private expiresAt = -Infinity;
  private fetching: Promise<void> | undefined;

  constructor(private readonly jwksUri: string) {}

  /** Undefined when the issuer has no such key. Rejects when it cannot be asked. */
  async find(keyId: string): Promise<KeyObject | undefined> {
    const now = performance.now();
    const isStale = now >= this.expiresAt;
    const mayBeNew = !this.keys.has(keyId) && now >= this.fetchedAt + REFETCH_MS;
    if (isStale || mayBeNew) {
      this.fetching ??= this.fetch().finally(() => (this.fetching = undefined));
      await this.fetching;
    }
    return this.keys.get(keyId);
  }

  private async fetch(): Promise<void> {
    const response = await fetch(this.jwksUri, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`The key list answered ${response.status}.`);
    const { keys = [] } = (await response.json()) as Jwks;
    this.keys = new Map(
      keys.flatMap((key) =>
        key.kty === 'RSA' && key.kid !== undefined && (key.use ?? 'sig') === 'sig'
          ? [[key.kid, createPublicKey({ key, format: 'jwk' })]]
          : [],
      ),
    );
    this.fetchedAt = performance.now();
    this.expiresAt = this.fetchedAt + maxAgeSeconds(response.headers.get('cache-control')) * 1_000;
  }
}
