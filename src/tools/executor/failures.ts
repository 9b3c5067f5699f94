import type { JobError } from '../../jobs/index.js';
import type { ProviderErrorKind } from '../providers/provider.js';

const TRY_LATER = 'Order it again later; nothing was charged.';

/** Every way in which a tool's job ends without a result, in words for the person who ordered it. */
export const FAILURES = {
  refused: {
    code: 'tools.refused',
    message: 'The provider does not accept this order.',
    hint: 'Use another picture (JPEG, PNG or WebP, up to 20 MB) or fewer options.',
    retryable: false,
  },
  notOffered: {
    code: 'tools.not_offered',
    message: 'The provider does not offer this kind of order to this server.',
    hint: 'Order it with other options, such as another model version; nothing was charged.',
    retryable: false,
  },
  moderated: {
    code: 'tools.moderated',
    message: "The provider's rules do not allow this picture.",
    hint: 'Use another picture; the same one will be refused again.',
    retryable: false,
  },
  failed: {
    code: 'tools.generation_failed',
    message: 'The provider could not make a result from this order.',
    hint: 'Try another picture, or the same one once more.',
    retryable: true,
  },
  badResult: {
    code: 'tools.bad_result',
    message: 'The provider finished without giving a usable result.',
    hint: TRY_LATER,
    retryable: true,
  },
  cancelledThere: {
    code: 'tools.cancelled_by_provider',
    message: 'The provider stopped the task.',
    hint: TRY_LATER,
    retryable: true,
  },
  unknownOutcome: {
    code: 'tools.outcome_unknown',
    message: 'The provider does not say whether it took the order, so it was given up.',
    hint: TRY_LATER,
    retryable: true,
  },
  lost: {
    code: 'tools.task_lost',
    message: 'The provider does not know the task any more.',
    hint: TRY_LATER,
    retryable: true,
  },
  deadline: {
    code: 'tools.deadline_exceeded',
    message: 'The provider took longer than it may.',
    hint: TRY_LATER,
    retryable: true,
  },
  removed: {
    code: 'tools.not_configured',
    message: 'This tool is not offered any more.',
    retryable: false,
  },
} as const satisfies Record<string, JobError>;

/** What a refused or broken call means for the job. */
export type Reaction =
  | { readonly kind: 'fail'; readonly error: JobError }
  /** Back to the queue. */
  | { readonly kind: 'later'; readonly holdsBack: HoldBack; readonly maxTries?: number }
  | { readonly kind: 'reconcile' };

/** What waits: the job alone, all jobs of the tool, or all of them until the operator has acted. */
export type HoldBack = 'job' | 'tool' | 'operator';

const FIRST_PAUSE_SECONDS = 2;
const MAX_PAUSE_SECONDS = 60;
const MAX_CHECKS = 3;

/** How long a job waits before its next try: longer after each, with jitter. */
export const pauseBefore = (tries: number): number =>
  Math.min(FIRST_PAUSE_SECONDS * 2 ** (tries - 1), MAX_PAUSE_SECONDS) * (0.75 + Math.random() / 2);

const OPERATOR = { kind: 'later', holdsBack: 'operator' } as const;

/** The one table from a provider's answer to what becomes of the job. None of these charges. */
export const REACTIONS: Readonly<Record<ProviderErrorKind, Reaction>> = {
  auth: OPERATOR,
  'no-credit': OPERATOR,
  throttled: { kind: 'later', holdsBack: 'tool' },
  // The circuit breaker holds the others back.
  unavailable: { kind: 'later', holdsBack: 'job' },
  unchecked: { kind: 'later', holdsBack: 'job', maxTries: MAX_CHECKS },
  indeterminate: { kind: 'reconcile' },
  invalid: { kind: 'fail', error: FAILURES.refused },
  'not-offered': { kind: 'fail', error: FAILURES.notOffered },
  moderated: { kind: 'fail', error: FAILURES.moderated },
  'not-found': { kind: 'fail', error: FAILURES.lost },
  failed: { kind: 'fail', error: FAILURES.failed },
  expired: { kind: 'fail', error: FAILURES.badResult },
  'bad-result': { kind: 'fail', error: FAILURES.badResult },
};
