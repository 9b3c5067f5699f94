import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Config } from '../../config/index.js';
import { Emails } from '../emails.js';
import { MailMetrics } from '../mail-metrics.js';

const LIMIT = 200;
const LONGEST_PERIOD_MS = 5_000;

/** Sends a new message for every mail that is due and that no message will wake: later tries, lost messages, dead mailers. */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Sweeper.name);
  private readonly periodMs: number;
  private timer: NodeJS.Timeout | undefined;
  private pass: Promise<void> = Promise.resolve();
  private isClosing = false;

  constructor(
    private readonly emails: Emails,
    private readonly metrics: MailMetrics,
    config: Config,
  ) {
    this.periodMs = Math.min(LONGEST_PERIOD_MS, (config.mail.retrySeconds * 1_000) / 6);
  }

  onApplicationBootstrap(): void {
    this.plan();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    clearTimeout(this.timer);
    await this.pass;
  }

  private plan(): void {
    if (this.isClosing) return;
    this.timer = setTimeout(() => {
      this.pass = this.sweep().finally(() => this.plan());
    }, this.periodMs);
  }

  private async sweep(): Promise<void> {
    try {
      let count = LIMIT;
      while (count === LIMIT && !this.isClosing) count = await this.emails.remind(LIMIT);
      const { queued, dead } = await this.emails.count();
      this.metrics.rows.set({ status: 'queued' }, queued);
      this.metrics.rows.set({ status: 'dead' }, dead);
    } catch (error) {
      this.logger.warn({ err: error }, 'a sweep of the mails failed');
    }
  }
}
