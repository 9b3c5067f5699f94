import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  DelegateBackoff,
  handleWhen,
  retry,
  TaskCancelledError,
  timeout,
  TimeoutStrategy,
  wrap,
  type IRetryBackoffContext,
} from 'cockatiel';
import { ProviderError, type ProviderErrorKind } from './provider.js';

export interface ProviderHttpOptions {
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** The adapter's reading of an answer (undefined: no JSON), where the status alone does not say enough. */
  readonly explain?: (status: number, body: unknown) => Explanation | undefined;
}

export interface Explanation {
  readonly kind: ProviderErrorKind;
  readonly code?: string | number;
  readonly message?: string;
}

export interface ProviderCall {
  readonly method: 'GET' | 'POST';
  /** Under the base address; an absolute address must be the provider's own. */
  readonly path: string;
  readonly json?: unknown;
  readonly form?: FormData;
  /** It makes what is paid for: never repeated, and an unclear end is `indeterminate`. */
  readonly isPaid?: boolean;
  readonly signal?: AbortSignal;
}

const MAX_ATTEMPTS = 3;
const FIRST_PAUSE_MS = 250;
const MAX_RETRY_AFTER_SECONDS = 30;
const FAILURES_BEFORE_BREAK = 5;
const BREAK_MS = 10_000;
const MAX_ANSWER_BYTES = 4_000_000;

/** The request never left: name, connection or certificate failed. */
const NOT_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;

/** Of a create: may have been said after it was accepted. A 503 is said in place of accepting. */
const isUnclear = (status: number): boolean =>
  status === 408 || status === 425 || (status >= 500 && status !== 503);

const codeOf = (error: unknown): string => {
  const cause = error instanceof Error ? error.cause : undefined;
  const source = cause ?? error;
  return typeof source === 'object' && source !== null && 'code' in source
    ? String(source.code)
    : '';
};

const isTransient = (error: unknown): boolean =>
  error instanceof TaskCancelledError ||
  (error instanceof ProviderError && ['unavailable', 'throttled'].includes(error.kind));

/** Counts against the provider's health; a refusal does not. */
const isOutage = (error: unknown): boolean =>
  error instanceof TaskCancelledError ||
  (error instanceof ProviderError && ['unavailable', 'indeterminate'].includes(error.kind));

const pause = (context: IRetryBackoffContext<unknown>): number => {
  const error = 'error' in context.result ? context.result.error : undefined;
  const asked = error instanceof ProviderError ? error.retryAfterSeconds : undefined;
  if (asked !== undefined) return Math.min(asked, MAX_RETRY_AFTER_SECONDS) * 1_000;
  return FIRST_PAUSE_MS * 2 ** context.attempt * (0.5 + Math.random());
};

/** Seconds, from either form of the header. */
const retryAfterOf = (response: Response): number | undefined => {
  const text = response.headers.get('retry-after');
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1_000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined;
};

/**
 * JSON over HTTP to one provider: a time limit on every call, retry with jitter on calls that are
 * safe to repeat, a circuit breaker for the provider as a whole. Throws {@link ProviderError} only.
 */
export class ProviderHttp {
  private readonly breaker = circuitBreaker(handleWhen(isOutage), {
    breaker: new ConsecutiveBreaker(FAILURES_BEFORE_BREAK),
    halfOpenAfter: BREAK_MS,
  });
  private readonly once;
  private readonly repeated;
  private heldUntil = -Infinity;

  constructor(readonly options: ProviderHttpOptions) {
    this.breaker.onBreak(() => (this.heldUntil = performance.now() + BREAK_MS));
    this.once = wrap(this.breaker, timeout(options.timeoutMs, TimeoutStrategy.Aggressive));
    const again = retry(handleWhen(isTransient), {
      maxAttempts: MAX_ATTEMPTS,
      backoff: new DelegateBackoff(pause),
    });
    this.repeated = wrap(again, this.once);
  }

  /** False while calls are not even tried. True again when the next one may be the trial. */
  get isAvailable(): boolean {
    return this.breaker.state !== CircuitState.Open || performance.now() >= this.heldUntil;
  }

  /** The answer's JSON. A 2xx without JSON is a failure like any other. */
  async json(call: ProviderCall): Promise<unknown> {
    const policy = call.isPaid ? this.once : this.repeated;
    try {
      return await policy.execute(({ signal }) => this.attempt(call, signal), call.signal);
    } catch (error) {
      call.signal?.throwIfAborted();
      if (error instanceof ProviderError) throw error;
      if (error instanceof BrokenCircuitError) {
        throw new ProviderError('unavailable', 'The provider is away; calls are held back.');
      }
      const kind = call.isPaid ? 'indeterminate' : 'unavailable';
      throw new ProviderError(kind, 'The provider did not answer in time.', { cause: error });
    }
  }

  /** A response whose body is a stream; no time limit on the body, no repetition. */
  async open(path: string, signal: AbortSignal): Promise<Response> {
    const response = await fetch(this.urlOf(path), { headers: this.options.headers, signal }).catch(
      (error: unknown) => {
        signal.throwIfAborted();
        throw new ProviderError('unavailable', 'The provider does not answer.', { cause: error });
      },
    );
    if (!response.ok) throw this.refusal(response, parse(await text(response)), false);
    return response;
  }

  private async attempt(call: ProviderCall, signal: AbortSignal): Promise<unknown> {
    const unclear = call.isPaid ? 'indeterminate' : 'unavailable';
    let response: Response;
    let body: unknown;
    try {
      response = await fetch(this.urlOf(call.path), {
        method: call.method,
        headers: {
          ...this.options.headers,
          ...(call.json !== undefined && { 'content-type': 'application/json' }),
        },
        ...(call.json !== undefined && { body: JSON.stringify(call.json) }),
        ...(call.form && { body: call.form }),
        redirect: 'error',
        signal,
      });
      body = parse(await text(response));
    } catch (error) {
      const kind = NOT_SENT.test(codeOf(error)) ? 'unavailable' : unclear;
      throw new ProviderError(kind, 'The call to the provider broke off.', { cause: error });
    }
    if (!response.ok) throw this.refusal(response, body, call.isPaid ?? false);
    if (body === undefined) {
      throw new ProviderError(unclear, 'The provider answered something that is no JSON.', {
        code: response.status,
      });
    }
    const explained = this.options.explain?.(response.status, body);
    if (explained) throw this.errorOf(cautious(explained, response, call.isPaid), response);
    return body;
  }

  private refusal(response: Response, body: unknown, isPaid: boolean): ProviderError {
    const { status } = response;
    const explained = this.options.explain?.(status, body) ?? {
      kind: kindOf(status),
      code: status,
    };
    return this.errorOf(cautious(explained, response, isPaid), response);
  }

  private errorOf({ kind, code, message }: Explanation, response: Response): ProviderError {
    const traceId =
      response.headers.get('x-tripo-trace-id') ?? response.headers.get('x-request-id');
    const retryAfterSeconds = retryAfterOf(response);
    return new ProviderError(kind, message ?? `The provider answered ${response.status}.`, {
      ...(code !== undefined && { code }),
      ...(traceId !== null && { traceId }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    });
  }

  private urlOf(path: string): string {
    return path.startsWith('/') ? `${this.options.baseUrl}${path}` : path;
  }
}

/** Whatever a create's answer says of its cause: only a clear refusal was surely not accepted. */
const cautious = (explained: Explanation, { status }: Response, isPaid = false): Explanation => {
  const isOpen = isUnclear(status) || (explained.kind === 'unavailable' && status !== 503);
  return isPaid && isOpen ? { ...explained, kind: 'indeterminate' } : explained;
};

const kindOf = (status: number): ProviderErrorKind => {
  if (status === 401 || status === 403) return 'auth';
  if (status === 402) return 'no-credit';
  if (status === 404 || status === 410) return 'not-found';
  if (status === 429) return 'throttled';
  if (status >= 500 || status === 408 || status === 425) return 'unavailable';
  return 'invalid';
};

const text = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    size += (chunk as Uint8Array).length;
    if (size > MAX_ANSWER_BYTES) throw new Error('The answer is too long.');
  }
  return Buffer.concat(chunks).toString('utf8');
};

/** Undefined for what is no JSON, such as the HTML page of a proxy. */
const parse = (body: string): unknown => {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
};
