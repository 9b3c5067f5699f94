/** What a code means to a client: its HTTP status and a short title that never changes. */
export interface ErrorKind {
  readonly status: number;
  readonly title: string;
}

export interface ErrorDetails {
  /** Members added to the problem document, such as `needed` and `available`. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Response headers, such as Retry-After. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

const catalogue = new Map<string, ErrorKind>();

/**
 * An expected refusal. `code` is `module.reason` and stable; `message` is one sentence for the
 * person at the other end which says what to do.
 */
export class DomainError extends Error {
  readonly status: number;
  readonly title: string;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly code: string,
    kind: ErrorKind,
    detail: string,
    details: ErrorDetails = {},
  ) {
    super(detail, { cause: details.cause });
    this.status = kind.status;
    this.title = kind.title;
    this.extensions = details.extensions ?? {};
    this.headers = details.headers ?? {};
  }
}

/**
 * Declares a module's codes once and returns the function that makes its errors:
 * `const creditsError = defineErrors({ 'credits.insufficient': { status: 402, title: '…' } })`.
 */
export const defineErrors = <Code extends string>(kinds: Readonly<Record<Code, ErrorKind>>) => {
  for (const [code, kind] of Object.entries<ErrorKind>(kinds)) catalogue.set(code, kind);
  return (code: Code, detail: string, details?: ErrorDetails): DomainError =>
    new DomainError(code, kinds[code], detail, details);
};

/** Every code that this process can answer with, for the documentation page. */
export const errorCatalogue = (): ReadonlyMap<string, ErrorKind> => catalogue;
