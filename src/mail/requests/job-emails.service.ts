import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { People, type Account } from '../../auth/index.js';
import { Jobs } from '../../jobs/index.js';
import { Database, Idempotency, validationFailed } from '../../platform/index.js';
import { Emails } from '../emails.js';
import { mailError } from '../mail.errors.js';
import { DailyLimit } from './daily-limit.js';
import { EMAIL_COLUMNS, toEmailView, type EmailRow } from './email-view.js';
import type { EmailView, RecipientRequest, SendEmailsRequest } from './job-emails.dto.js';

/** Mails that a person asks for: results again, or to others. */
@Injectable()
export class JobEmails {
  constructor(
    private readonly database: Database,
    private readonly idempotency: Idempotency,
    private readonly jobs: Jobs,
    private readonly people: People,
    private readonly emails: Emails,
    private readonly limit: DailyLimit,
  ) {}

  /**
   * Orders one mail per recipient; each call is an event of its own, so that a repeat sends again
   * unless it has the same `key`. Throws jobs.not_found, mail.job_not_succeeded, mail.daily_limit and
   * http.validation_failed for outputs that the job does not have.
   */
  async send(
    personId: string,
    jobId: string,
    request: SendEmailsRequest,
    key: string | undefined,
  ): Promise<EmailView[]> {
    const route = `POST /v1/jobs/${jobId}/emails`;
    const { resourceId } = await this.idempotency.once(
      { userId: personId, key, route, body: request },
      async () => ({ status: 202, resourceId: await this.order(personId, jobId, request) }),
    );
    return this.list('user_id = $1 AND event_id = $2', [personId, resourceId]);
  }

  /** The mails about a job of the person's, newest first. Throws jobs.not_found. */
  async of(personId: string, jobId: string): Promise<EmailView[]> {
    await this.jobs.get(personId, jobId);
    return this.list('user_id = $1 AND job_id = $2', [personId, jobId]);
  }

  private async order(
    personId: string,
    jobId: string,
    { to, outputs, message }: SendEmailsRequest,
  ): Promise<string> {
    const job = await this.jobs.get(personId, jobId);
    if (job.status !== 'succeeded') {
      throw mailError(
        'mail.job_not_succeeded',
        `The job is ${job.status}; mail it once it succeeded.`,
      );
    }
    await this.checkOutputs(jobId, outputs);
    const owner = await this.people.get(personId);
    const recipients = recipientsOf(to, owner);
    await this.limit.spend(personId, recipients.length);
    const eventId = randomUUID();
    for (const { address, name } of recipients) {
      await this.emails.order({
        eventId,
        kind: 'job-shared',
        userId: personId,
        jobId,
        recipient: address,
        ...(name !== undefined && { recipientName: name }),
        payload: {
          ...(outputs && { outputs }),
          ...(message !== undefined && { message }),
          ...(address === owner.email && { toOwner: true }),
        },
      });
    }
    return eventId;
  }

  private async checkOutputs(jobId: string, outputs: readonly string[] | undefined): Promise<void> {
    if (!outputs) return;
    const known = (await this.jobs.summary(jobId)).outputs.map((output) => output.name);
    const wrong = outputs.flatMap((name, index) =>
      known.includes(name)
        ? []
        : [{ path: `outputs.${index}`, message: `must be one of ${known.join(', ')}` }],
    );
    if (wrong.length > 0) throw validationFailed(wrong);
  }

  private async list(condition: string, parameters: readonly unknown[]): Promise<EmailView[]> {
    const rows = await this.database.query<EmailRow>(
      `SELECT ${EMAIL_COLUMNS} FROM emails WHERE ${condition} ORDER BY created_at DESC, id LIMIT 500`,
      parameters,
    );
    return rows.map(toEmailView);
  }
}

/** One per address; by default the owner. */
const recipientsOf = (
  to: readonly RecipientRequest[] | undefined,
  owner: Account,
): RecipientRequest[] => {
  const self = { address: owner.email, ...(owner.name !== null && { name: owner.name }) };
  const asked = to ?? [self];
  return [...new Map(asked.map((recipient) => [recipient.address, recipient])).values()];
};
