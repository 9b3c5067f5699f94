import type { EmailStatus } from '../email.js';
import type { BounceType, SesEvent } from './ses-event.js';

export interface Reported {
  readonly status: EmailStatus;
  readonly bounceType: BounceType | null;
}

/**
 * A mail's status after an event, whatever came before and however often: a complaint stands over
 * everything, a permanent bounce over a delivery, a delivery over a passing bounce (such as an
 * out-of-office answer). Any of them proves that the mail went out.
 */
export const afterEvent = (
  before: Reported,
  event: Pick<SesEvent, 'kind' | 'bounceType'>,
): Reported => {
  const { status } = before;
  const bounce = (): Reported => ({
    status: 'bounced',
    bounceType: event.bounceType ?? 'undetermined',
  });
  const hasBouncedForGood = status === 'bounced' && before.bounceType === 'permanent';
  switch (event.kind) {
    case 'complained':
      return { ...before, status: 'complained' };
    case 'bounced':
      if (status === 'complained' || hasBouncedForGood) return before;
      if (status === 'delivered' && event.bounceType !== 'permanent') return before;
      return bounce();
    case 'delivered':
      if (status === 'complained' || hasBouncedForGood) return before;
      return { status: 'delivered', bounceType: null };
    case 'sent':
      return status === 'queued' || status === 'dead' ? { ...before, status: 'sent' } : before;
    case 'rejected':
      return status === 'queued' || status === 'sent' || status === 'dead'
        ? { ...before, status: 'undeliverable' }
        : before;
  }
};
