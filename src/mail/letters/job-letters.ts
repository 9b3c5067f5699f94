import { Injectable } from '@nestjs/common';
import { Ledger } from '../../credits/index.js';
import { Jobs, type JobSummary } from '../../jobs/index.js';
import { DomainError } from '../../platform/index.js';
import type { ClaimedEmail } from '../email.js';
import { oneLine, plainLines } from '../sending/plain-words.js';
import type { Addressee } from './addressing.js';
import { Undeliverable, type Letter } from './letter.js';
import { ResultParts } from './results.js';
import { creditsInWords, dateAndTime, settingsOf, type Fact } from './wording.js';

/** Writes the mails about jobs: results for their owner, results that the owner sends on, failures. */
@Injectable()
export class JobLetters {
  constructor(
    private readonly jobs: Jobs,
    private readonly parts: ResultParts,
    private readonly ledger: Ledger,
  ) {}

  /** Throws Undeliverable when nothing is left to send. */
  async write(email: ClaimedEmail, addressee: Addressee): Promise<Letter> {
    const job = await this.find(email.jobId);
    return email.kind === 'job-failed'
      ? this.failure(job, addressee)
      : this.result(job, email, addressee);
  }

  private async find(jobId: string | null): Promise<JobSummary> {
    try {
      return await this.jobs.summary(jobId ?? '');
    } catch (error) {
      if (error instanceof DomainError) throw new Undeliverable('The job was deleted.');
      throw error;
    }
  }

  private failure(job: JobSummary, { name }: Addressee): Letter {
    const title = oneLine(job.title);
    return {
      template: 'failure',
      subject: `${title} did not succeed`,
      pictures: [],
      props: {
        name: name && oneLine(name, 80),
        title,
        message: plainLines(job.error?.message ?? 'No reason is known.'),
        hint: job.error?.hint ? oneLine(job.error.hint, 500) : null,
        facts: [...settingsOf(job.parameters), { label: 'Charged', value: creditsInWords(0) }],
      },
    };
  }

  private async result(
    job: JobSummary,
    email: ClaimedEmail,
    { name, owner }: Addressee,
  ): Promise<Letter> {
    const chosen = email.payload.outputs;
    const outputs = job.outputs.filter((output) => chosen?.includes(output.name) ?? true);
    const { pictures, texts, links, expiresAt } = await this.parts.of(outputs);
    if (links.length === 0 && texts.length === 0) {
      throw new Undeliverable('The results were deleted.');
    }
    const isForOwner = email.payload.toOwner === true;
    const sender = isForOwner ? null : oneLine(owner.name ?? owner.email, 80);
    const title = oneLine(job.title);
    return {
      template: 'result',
      subject: sender === null ? `Your result is ready: ${title}` : `${sender} sent you a result`,
      pictures,
      props: {
        name: name && oneLine(name, 80),
        title,
        sender,
        message: email.payload.message === undefined ? null : plainLines(email.payload.message),
        pictures: pictures.map(({ cid, alt }) => ({ cid, alt })),
        texts,
        links,
        linksExpire: expiresAt ? dateAndTime(expiresAt) : null,
        facts: isForOwner ? await this.factsForOwner(job) : [],
      },
    };
  }

  /** Settings, price and balance are the owner's own business: nobody else gets them. */
  private async factsForOwner(job: JobSummary): Promise<Fact[]> {
    const { available } = await this.ledger.balanceOf(job.userId);
    return [
      ...settingsOf(job.parameters),
      { label: 'Charged', value: creditsInWords(job.creditsCaptured) },
      { label: 'Left', value: creditsInWords(available) },
    ];
  }
}
