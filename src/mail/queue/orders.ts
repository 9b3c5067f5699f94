import { Injectable, type OnModuleInit } from '@nestjs/common';
import { accountMailRequested, People, type AccountMailRequested } from '../../auth/index.js';
import { jobFailed, Jobs, jobSucceeded } from '../../jobs/index.js';
import { OutboxDispatcher, type OutboxEvent } from '../../platform/index.js';
import { Emails } from '../emails.js';

/** Turns the events of other modules into rows of mails, once per event and recipient. */
@Injectable()
export class Orders implements OnModuleInit {
  constructor(
    private readonly dispatcher: OutboxDispatcher,
    private readonly emails: Emails,
    private readonly people: People,
    private readonly jobs: Jobs,
  ) {}

  onModuleInit(): void {
    this.dispatcher.on(accountMailRequested, (event) => this.orderAccountMail(event));
    this.dispatcher.on(jobSucceeded, (event) => this.orderResult(event, 'job-succeeded'));
    this.dispatcher.on(jobFailed, (event) => this.orderResult(event, 'job-failed'));
  }

  private async orderAccountMail({
    id,
    payload,
  }: OutboxEvent<AccountMailRequested>): Promise<void> {
    const person = await this.people.get(payload.personId);
    if (person.status === 'erased') return;
    await this.emails.order({
      eventId: id,
      kind: payload.kind,
      userId: payload.personId,
      recipient: payload.address,
      ...(person.name !== null && { recipientName: person.name }),
      payload: payload.linkId === undefined ? {} : { linkId: payload.linkId },
    });
  }

  /** To the owner of the job, if they want to hear of such an end. */
  private async orderResult(
    { id, payload }: OutboxEvent<{ jobId: string }>,
    kind: 'job-succeeded' | 'job-failed',
  ): Promise<void> {
    const job = await this.jobs.find(payload.jobId);
    if (!job) return;
    const person = await this.people.get(job.userId);
    const wanted = kind === 'job-succeeded' ? ['all', 'success'] : ['all'];
    if (person.status === 'erased' || !wanted.includes(person.resultMails)) return;
    await this.emails.order({
      eventId: id,
      kind,
      userId: person.id,
      jobId: job.id,
      recipient: person.email,
      ...(person.name !== null && { recipientName: person.name }),
      payload: { toOwner: true },
    });
  }
}
