import { randomUUID } from 'node:crypto';
import { OAuth2Server } from 'oauth2-mock-server';

export const CLIENT_ID = 'house-of-models-test';

type Part = Record<string, unknown>;

/** A local OpenID provider that signs whatever a test wants to be told by "Google". */
export class LocalGoogle {
  private constructor(private readonly server: OAuth2Server) {}

  static async start(): Promise<LocalGoogle> {
    const server = new OAuth2Server();
    await server.issuer.keys.generate('RS256');
    await server.start(0, '127.0.0.1');
    return new LocalGoogle(server);
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  get issuer(): string {
    return this.server.issuer.url ?? '';
  }

  get environment(): Record<string, string> {
    return {
      GOOGLE_CLIENT_ID: CLIENT_ID,
      GOOGLE_CLIENT_SECRET: 'test-secret',
      GOOGLE_ISSUER: this.issuer,
    };
  }

  /** A signing key that was not there before, and from now on signs. */
  async rotate(): Promise<string> {
    const kid = randomUUID();
    await this.server.issuer.keys.generate('RS256', { kid });
    return kid;
  }

  /** The public key as the provider publishes it. */
  get publicJwk(): Part {
    return this.server.issuer.keys.toJSON()[0] ?? {};
  }

  /** An ID token of the button; `payload` and `header` are laid over an honest one. */
  idToken(payload: Part, header: Part = {}, kid?: string): Promise<string> {
    return this.server.issuer.buildToken({
      kid,
      expiresIn: 3_600,
      scopesOrTransform: (tokenHeader, tokenPayload) => {
        Object.assign(tokenPayload, { aud: CLIENT_ID, azp: CLIENT_ID, ...payload });
        Object.assign(tokenHeader, header);
      },
    });
  }

  /** What the next ID token of the code flow says. */
  answerNext(payload: Part): void {
    this.server.service.once('beforeTokenSigning', () => {
      // The access token is signed first.
      this.server.service.once('beforeTokenSigning', (token: { payload: Part }) => {
        Object.assign(token.payload, payload);
      });
    });
  }
}
