/**
 * What SES reports about a mail, read from a message of its SNS → SQS queue. Pure. Events come
 * doubled and in any order; unknown kinds and fields are left alone.
 */
import { isUuid } from '../../platform/index.js';

export type BounceType = 'permanent' | 'transient' | 'undetermined';

export interface SesEvent {
  readonly kind: 'sent' | 'delivered' | 'bounced' | 'complained' | 'rejected';
  /** The row's id, from the tag that we sent along; undefined where SES reports no tags. */
  readonly emailId: string | undefined;
  readonly providerMessageId: string;
  readonly bounceType: BounceType | undefined;
  /** For an operator: what the other server said. */
  readonly detail: string | undefined;
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const objectAt = (from: Json, key: string): Json => {
  const value = from[key];
  return isObject(value) ? value : {};
};
const textAt = (from: Json, key: string): string | undefined => {
  const value = from[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
};
const listAt = (from: Json, key: string): readonly unknown[] => {
  const value = from[key];
  return Array.isArray(value) ? value : [];
};

const parse = (text: string): Json | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const KINDS: Readonly<Record<string, SesEvent['kind']>> = {
  Send: 'sent',
  Delivery: 'delivered',
  Bounce: 'bounced',
  Complaint: 'complained',
  Reject: 'rejected',
};

const BOUNCE_TYPES: Readonly<Record<string, BounceType>> = {
  Permanent: 'permanent',
  Transient: 'transient',
};

/** From the tag of the configuration set's events, or from our own header where headers are reported. */
const emailIdOf = (mail: Json): string | undefined => {
  const tagged = listAt(objectAt(mail, 'tags'), 'email_id')[0];
  const header = listAt(mail, 'headers').find(
    (candidate): candidate is Json =>
      isObject(candidate) && textAt(candidate, 'name')?.toLowerCase() === 'x-email-id',
  );
  const id = typeof tagged === 'string' ? tagged : header && textAt(header, 'value');
  return id !== undefined && isUuid(id) ? id : undefined;
};

const detailOf = (report: Json): string | undefined => {
  const first = listAt(report, 'bouncedRecipients')[0];
  const recipient = isObject(first) ? first : {};
  return (
    textAt(recipient, 'diagnosticCode') ??
    textAt(report, 'complaintFeedbackType') ??
    textAt(report, 'reason') ??
    textAt(report, 'bounceSubType')
  );
};

/**
 * The event in the body of an SQS message, whether SNS wrapped it or delivered it raw, whether it
 * comes from a configuration set (`eventType`) or an identity (`notificationType`); undefined for
 * what says nothing about a mail. Throws when the body is no JSON at all.
 */
export const readSesEvent = (body: string): SesEvent | undefined => {
  const outer = parse(body);
  if (!outer) throw new Error('The message is not JSON.');
  const message = textAt(outer, 'Message');
  const event = textAt(outer, 'Type') !== undefined && message ? parse(message) : outer;
  if (!event) return undefined;
  const type = textAt(event, 'eventType') ?? textAt(event, 'notificationType') ?? '';
  const kind = KINDS[type];
  const mail = objectAt(event, 'mail');
  const providerMessageId = textAt(mail, 'messageId');
  if (!kind || !providerMessageId) return undefined;
  const report = objectAt(event, type.toLowerCase());
  const bounceType = BOUNCE_TYPES[textAt(report, 'bounceType') ?? ''] ?? 'undetermined';
  return {
    kind,
    emailId: emailIdOf(mail),
    providerMessageId,
    bounceType: kind === 'bounced' ? bounceType : undefined,
    detail: detailOf(report),
  };
};
