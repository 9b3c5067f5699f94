/**
 * What an answer of SES, or its absence, means for a mail. Pure: the rules of docs/architecture.md,
 * Mail, in one place.
 */

/** What became of one try. */
export type Outcome =
  | { readonly kind: 'accepted'; readonly providerMessageId: string }
  /** SES surely did not take it and the mail is not to blame: spends no attempt. */
  | { readonly kind: 'wait'; readonly reason: string; readonly isUrgent?: boolean }
  /** The request may have been carried out: try again only after a safe wait. */
  | { readonly kind: 'unknown'; readonly reason: string }
  /** It surely failed and may succeed later. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** It will never go out as it is. */
  | { readonly kind: 'refused'; readonly reason: string };

/** What is written to the row. */
export interface NextStep {
  readonly status: 'queued' | 'undeliverable' | 'dead';
  readonly attempts: number;
  readonly waits: number;
  readonly delaySeconds: number;
  readonly isUnknown: boolean;
}

export interface Tries {
  readonly attempts: number;
  readonly waits: number;
  /** True when an earlier request is still without a known outcome. */
  readonly isUnknown: boolean;
}

export const MAX_ATTEMPTS = 5;
/** A mail that a mailer died with this often is poison. */
export const MAX_CRASHES = 10;

/** Pauses as multiples of MAIL_RETRY_SECONDS (30 s): 30 s, 2, 8 and 32 min between failures. */
const FAILURE_GROWTH = 4;
/** 2 s … 10 min between throttled tries. */
const WAIT_FIRST = 1 / 15;
const WAIT_MOST = 20;
/** 2 min: longer than SES takes to report, and far longer than a request can still be under way. */
const SAFE_WAIT = 4;

const NETWORK_NOT_REACHED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** SES says no to everybody for now: an operator has to act. */
const PAUSED = new Set([
  'AccountSendingPausedException',
  'ConfigurationSetSendingPausedException',
  'AccountSuspendedException',
  'SendingPausedException',
]);

interface Described {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly status: number | undefined;
}

const describe = (error: unknown): Described => {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: String(error), code: undefined, status: undefined };
  }
  const { code } = error as Error & { code?: unknown };
  const { $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  return {
    name: error.name,
    message: error.message,
    code: typeof code === 'string' ? code : undefined,
    status: $metadata?.httpStatusCode,
  };
};

const THROTTLE = /throttl|too many requests|maximum sending rate|limit ?exceeded/i;
const DAILY_QUOTA = /daily message quota/i;

/** Reads what the SES client threw, once per call with `maxAttempts: 1`. */
export const outcomeOfError = (error: unknown): Outcome => {
  const { name, message, code, status } = describe(error);
  const reason = `SES: ${name}: ${message}`.slice(0, 500);
  if (code !== undefined && NETWORK_NOT_REACHED.has(code)) {
    return { kind: 'wait', reason: `SES cannot be reached (${code})` };
  }
  // The client's own words for a connection that was never made: nothing was sent.
  if (/without establishing a connection/i.test(message)) {
    return { kind: 'wait', reason: 'SES cannot be reached (connection timed out)' };
  }
  if (DAILY_QUOTA.test(message)) return { kind: 'wait', reason, isUrgent: true };
  if (status === 429 || THROTTLE.test(name) || THROTTLE.test(message)) {
    return { kind: 'wait', reason };
  }
  if (PAUSED.has(name)) return { kind: 'wait', reason, isUrgent: true };
  // No keys, no request: the client gave up before it sent anything.
  if (name === 'CredentialsProviderError') return { kind: 'failed', reason };
  // An error with an answer of 5xx may follow after the mail was taken.
  if (status === undefined || status >= 500) return { kind: 'unknown', reason };
  if (name === 'MessageRejected' || name === 'InvalidParameterValue') {
    return { kind: 'refused', reason };
  }
  // The rest of 4xx is about our account, keys or domain: an operator can mend it.
  return { kind: 'failed', reason };
};

/**
 * The row after a try that SES did not accept. `random` in [0, 1) spreads the pauses; throttled
 * mails use all of it (full jitter).
 */
export const nextStep = (
  outcome: Exclude<Outcome, { kind: 'accepted' }>,
  tries: Tries,
  retrySeconds: number,
  random: number,
): NextStep => {
  const attempts = tries.attempts + 1;
  const { isUnknown } = tries;
  switch (outcome.kind) {
    case 'wait': {
      const ceiling = Math.min(WAIT_MOST, WAIT_FIRST * 2 ** tries.waits) * retrySeconds;
      const wide = outcome.isUrgent ? WAIT_MOST * retrySeconds : ceiling;
      return {
        status: 'queued',
        attempts: tries.attempts,
        waits: tries.waits + 1,
        delaySeconds: wide * random,
        isUnknown,
      };
    }
    case 'refused':
      return { status: 'undeliverable', attempts, waits: 0, delaySeconds: 0, isUnknown };
    case 'unknown':
    case 'failed': {
      const isDead = attempts >= MAX_ATTEMPTS;
      const factor = outcome.kind === 'unknown' ? SAFE_WAIT : FAILURE_GROWTH ** tries.attempts;
      const delaySeconds = isDead ? 0 : factor * retrySeconds * (1 + random / 4);
      const status = isDead ? 'dead' : 'queued';
      return {
        status,
        attempts,
        waits: 0,
        delaySeconds,
        isUnknown: isUnknown || outcome.kind === 'unknown',
      };
    }
  }
};
