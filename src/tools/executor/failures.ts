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
  /** Back to the queue; `pausesTool`: the operator must act before anything else is tried. */
  | { readonly kind: 'later'; readonly seconds: number; readonly pausesTool: boolean }
  | { readonly kind: 'reconcile' };

export const SHORT_PAUSE_SECONDS = 5;
export const LONG_PAUSE_SECONDS = 300;

const LATER = { kind: 'later', seconds: SHORT_PAUSE_SECONDS, pausesTool: false } as const;
const OPERATOR = { kind: 'later', seconds: LONG_PAUSE_SECONDS, pausesTool: true } as const;

/** The one table from a provider's answer to what becomes of the job. None of these charges. */
export const REACTIONS: Readonly<Record<ProviderErrorKind, Reaction>> = {
  auth: OPERATOR,
  'no-credit': OPERATOR,
  throttled: LATER,
  unavailable: LATER,
  indeterminate: { kind: 'reconcile' },
  invalid: { kind: 'fail', error: FAILURES.refused },
  moderated: { kind: 'fail', error: FAILURES.moderated },
  'not-found': { kind: 'fail', error: FAILURES.lost },
  failed: { kind: 'fail', error: FAILURES.failed },
  expired: { kind: 'fail', error: FAILURES.badResult },
  'bad-result': { kind: 'fail', error: FAILURES.badResult },
};
