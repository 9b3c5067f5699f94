import { field, itemsOf, numberOf, textOf } from '../json.js';
import { ProviderError } from '../provider.js';
import type { ProviderHttp } from '../provider-http.js';

export interface Application {
  /** Before every path but `/config`: none in Gradio 4, `/gradio_api` since 5. */
  readonly prefix: string;
  readonly functionIndex: number;
}

/** An application that was updated shows itself after this. */
const KNOW_MS = 300_000;

/** What the application tells of itself: it is asked again after a while, and after any trouble. */
export class ApplicationLookup {
  private known: { application: Application; until: number } | undefined;

  constructor(
    private readonly http: ProviderHttp,
    private readonly functionName: string,
  ) {}

  /** Throws ProviderError; `auth` where only the operator can help. */
  async find(signal: AbortSignal): Promise<Application> {
    if (this.known && performance.now() < this.known.until) return this.known.application;
    const config = await this.http
      .json({ method: 'GET', path: '/config', signal })
      .catch((error: unknown) => {
        throw this.explain(error);
      });
    const functions = itemsOf(field(config, 'dependencies'));
    const index = functions.findIndex((one) => textOf(one, 'api_name') === this.functionName);
    if (index < 0) {
      throw new ProviderError('auth', `The application at TRYON_URL has no ${this.functionName}.`);
    }
    const application = {
      prefix: (textOf(config, 'api_prefix') ?? '').replace(/\/$/, ''),
      functionIndex: numberOf(functions[index], 'id') ?? index,
    };
    this.known = { application, until: performance.now() + KNOW_MS };
    return application;
  }

  /** A missing application is no fault of an order: nothing is tried until it is mended. */
  explain(error: unknown): unknown {
    this.known = undefined;
    const isMissing = error instanceof ProviderError && error.kind === 'not-found';
    if (!isMissing) return error;
    const message = 'There is no Gradio application at TRYON_URL.';
    return new ProviderError('auth', message, { cause: error });
  }
}
