import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { inject } from 'vitest';

/** A mail as the SES stand-in keeps it. */
export interface StoredMail {
  readonly messageId: string;
  readonly from: string;
  readonly destination: { readonly to: string[]; readonly cc: string[]; readonly bcc: string[] };
  readonly subject: string;
  readonly body: { readonly html?: string; readonly text?: string };
  readonly attachments: {
    readonly contentType: string;
    readonly cid?: string;
    readonly content: string;
  }[];
}

/** Environment of a mailer with a queue of its own and the shared SES stand-in; waits are short. */
export const mailerEnvironment = (
  overrides: Readonly<Record<string, string>> = {},
): Record<string, string> => ({
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  SQS_ENDPOINT: inject('queueEndpoint'),
  SQS_QUEUE_URL: `${inject('queueEndpoint')}/000000000000/mail-${randomUUID()}`,
  SQS_CREATE_QUEUES: 'true',
  SES_ENDPOINT: inject('mailboxUrl'),
  MAIL_LEASE_SECONDS: '9',
  SES_TIMEOUT_SECONDS: '3',
  MAIL_RETRY_SECONDS: '0.5',
  MAIL_RATE: '500',
  ...overrides,
});

/** The mails to this address in the store of the SES stand-in, oldest first. */
export const mailbox = async (address: string, url?: string): Promise<StoredMail[]> => {
  const response = await fetch(`${url ?? inject('mailboxUrl')}/store`);
  const { emails } = (await response.json()) as { emails: StoredMail[] };
  return emails.filter((mail) => mail.destination.to.some((to) => to.includes(address)));
};

/** Waits up to `patienceMs` (long enough for a busy machine) until `probe` gives something. */
export const eventually = async <T>(
  probe: () => Promise<T | undefined | false>,
  patienceMs = 60_000,
): Promise<T> => {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error('It did not happen in time.');
    await pause(25);
  }
};

/** Waits for `count` mails to this address. */
export const arrived = (address: string, count = 1): Promise<StoredMail[]> =>
  eventually(async () => {
    const mails = await mailbox(address);
    return mails.length >= count && mails;
  });
