import type { EmailStatus } from '../email.js';
import type { EmailView } from './job-emails.dto.js';

export interface EmailRow {
  readonly id: string;
  readonly recipient: string;
  readonly status: EmailStatus;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly sentAt: Date | null;
  readonly lastError: string | null;
}

export const EMAIL_COLUMNS = `id, recipient, status, attempts, created_at AS "createdAt",
  sent_at AS "sentAt", last_error AS "lastError"`;

/** The words of SES and of our own code are for operators; a person gets what it means. */
const explain = ({ status, lastError }: EmailRow): string | undefined => {
  if (lastError === null) return undefined;
  switch (status) {
    case 'queued':
      return 'It could not be sent yet; another try follows.';
    case 'dead':
      return 'Five tries failed; our operators can start it again.';
    case 'undeliverable':
      return lastError.startsWith('SES') ? 'The mail service refused it.' : lastError;
    case 'bounced':
    case 'complained':
    case 'suppressed':
      return lastError;
    case 'sent':
    case 'delivered':
      return undefined;
  }
};

/** A mail as the API shows it to the person who ordered it. */
export const toEmailView = (row: EmailRow): EmailView => {
  const lastError = explain(row);
  return {
    id: row.id,
    to: row.recipient,
    status: row.status,
    attempts: row.attempts,
    createdAt: row.createdAt,
    ...(row.sentAt && { sentAt: row.sentAt }),
    ...(lastError !== undefined && { lastError }),
  };
};
