import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../../config/index.js';
import type { ClaimedEmail } from '../email.js';
import { Emails } from '../emails.js';
import { Undeliverable } from '../letters/letter.js';
import { Letters, type AddressedMail } from '../letters/letters.js';
import { MailMetrics } from '../mail-metrics.js';
import { MAX_CRASHES, nextStep, type Outcome } from './outcome.js';
import { Pace } from './pace.js';
import { SesGateway } from './ses-gateway.js';

/** What must be over before the lease may end: the request to SES and the record after it. */
const RECORD_TRIES = 5;
const RECORD_PAUSE_MS = 200;

/**
 * Sends mails: claim the row, render, hand it to SES once, record. May be called for any row, any
 * number of times, by any number of processes: who finds nothing to do returns quietly.
 */
@Injectable()
export class Sender {
  private readonly logger = new Logger(Sender.name);

  constructor(
    private readonly emails: Emails,
    private readonly letters: Letters,
    private readonly ses: SesGateway,
    private readonly pace: Pace,
    private readonly metrics: MailMetrics,
    private readonly config: Config,
  ) {}

  /**
   * All of them at the same time. Resolves when the last has its end; one that meets a database which
   * is away is left to the sweeper. Throws when none could be begun.
   */
  async deliver(emailIds: readonly string[]): Promise<void> {
    const due = await this.emails.dueAmong(emailIds);
    await Promise.all(
      due.map((id) =>
        this.deliverOne(id).catch((error: unknown) =>
          this.logger.warn({ err: error, emailId: id }, 'a mail was left to the sweeper'),
        ),
      ),
    );
  }

  private async deliverOne(emailId: string): Promise<void> {
    await this.pace.turn();
    const email = await this.emails.claim(emailId);
    if (!email) return;
    if (email.crashes >= MAX_CRASHES) {
      await this.end(email, 'dead', 'Each mailer that held this mail has died.');
      return;
    }
    const mail = await this.prepare(email);
    if (mail) await this.handOver(email, mail);
  }

  /** The finished mail; undefined when the row was settled instead. */
  private async prepare(email: ClaimedEmail): Promise<AddressedMail | undefined> {
    try {
      return await this.letters.write(email);
    } catch (error) {
      if (error instanceof Undeliverable) {
        await this.end(email, error.status, error.message);
        return undefined;
      }
      this.logger.warn({ err: error, emailId: email.id }, 'a mail could not be rendered');
      const reason = error instanceof Error ? error.message : String(error);
      await this.settle(email, { kind: 'failed', reason: `not rendered: ${reason}` });
      return undefined;
    }
  }

  private async handOver(email: ClaimedEmail, mail: AddressedMail): Promise<void> {
    const asked = performance.now();
    if (!(await this.emails.markLeaving(email))) return;
    // A process that slept since then (suspended, swapped out) cannot trust its lease any more.
    const { leaseSeconds, sesTimeoutSeconds } = this.config.mail;
    const spareMs = (leaseSeconds - sesTimeoutSeconds) * 1_000;
    if (performance.now() - asked > spareMs) return;
    if (email.isUnknown) this.metrics.possibleCopies.inc();
    const outcome = await this.ses.send({
      emailId: email.id,
      recipient: mail.recipient,
      mime: mail.mime,
    });
    if (outcome.kind !== 'accepted') {
      await this.settle(email, outcome);
      return;
    }
    await this.record(email.id, outcome.providerMessageId);
    this.metrics.mails.inc({ kind: email.kind, status: 'sent' });
  }

  /** Between SES's yes and this record lies the only moment in which a crash makes a copy. */
  private async record(emailId: string, providerMessageId: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.emails.markSent(emailId, providerMessageId);
        return;
      } catch (error) {
        if (attempt >= RECORD_TRIES) throw error;
        await pause(RECORD_PAUSE_MS * attempt);
      }
    }
  }

  private async settle(
    email: ClaimedEmail,
    outcome: Exclude<Outcome, { kind: 'accepted' }>,
  ): Promise<void> {
    // Definite answers clear an unknown request only when it was this one.
    const step = nextStep(outcome, email, this.config.mail.retrySeconds, Math.random());
    await this.emails.settle(email, step, outcome.reason);
    this.metrics.tries.inc({ outcome: outcome.kind });
    if (step.status !== 'queued') this.metrics.mails.inc({ kind: email.kind, status: step.status });
    if (step.status === 'dead' || (outcome.kind === 'wait' && outcome.isUrgent)) {
      this.logger.error({ emailId: email.id, reason: outcome.reason }, 'a mail needs an operator');
    }
  }

  private async end(
    email: ClaimedEmail,
    status: 'suppressed' | 'undeliverable' | 'dead',
    reason: string,
  ): Promise<void> {
    await this.emails.end(email, status, reason);
    this.metrics.mails.inc({ kind: email.kind, status });
  }
}
