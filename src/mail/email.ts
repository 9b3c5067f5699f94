import type { AccountMailRequested } from '../auth/index.js';

export const JOB_KINDS = ['job-succeeded', 'job-failed', 'job-shared'] as const;

/** Mails that auth asks for. */
export type AccountKind = AccountMailRequested['kind'];
export type JobKind = (typeof JOB_KINDS)[number];
/** What a mail is about. */
export type EmailKind = AccountKind | JobKind;

/**
 * `queued` until SES has taken it; `sent` then; `delivered`, `bounced` and `complained` are what
 * SES reports later. The last three never went out: the address is suppressed, SES or the state of
 * the account forbids it for good (`undeliverable`), or five tries failed (`dead`, may be replayed).
 */
export const EMAIL_STATUSES = [
  'queued',
  'sent',
  'delivered',
  'bounced',
  'complained',
  'suppressed',
  'undeliverable',
  'dead',
] as const;
export type EmailStatus = (typeof EMAIL_STATUSES)[number];

/** Ids, and what a person typed for this mail. Never a token, a link or a file's content. */
interface EmailPayload {
  readonly linkId?: string;
  /** Chosen outputs by name; absent: all. */
  readonly outputs?: readonly string[];
  /** A person's own words to the recipient. */
  readonly message?: string;
  /** True: the recipient is the owner of the job, wherever their address leads now. */
  readonly toOwner?: boolean;
}

/** A mail as it is asked for: one event may ask for several, one per recipient. */
export interface EmailOrder {
  readonly eventId: string;
  readonly kind: EmailKind;
  /** Whose account or job it is about. */
  readonly userId: string;
  readonly jobId?: string;
  readonly recipient: string;
  readonly recipientName?: string;
  readonly payload: EmailPayload;
}

/** A row that this process holds: nobody else may send it before `lease_until`. */
export interface ClaimedEmail {
  readonly id: string;
  readonly kind: EmailKind;
  readonly userId: string;
  readonly jobId: string | null;
  readonly recipient: string;
  readonly recipientName: string | null;
  readonly payload: EmailPayload;
  readonly attempts: number;
  readonly waits: number;
  readonly crashes: number;
  readonly leaseEpoch: number;
  /** True when an earlier request went out and nobody knows what became of it. */
  readonly isUnknown: boolean;
}
