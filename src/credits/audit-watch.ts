import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { gauge, Timetable } from '../platform/index.js';
import { CreditsAudit } from './credits-audit.service.js';

const EVERY_MS = 10 * 60_000;
/** Audits the ledger while the process runs and raises the metric `credits_drift`. */
@Injectable()
export class AuditWatch implements OnModuleInit {
  private readonly logger = new Logger(AuditWatch.name);
  private readonly drift = gauge(
    'credits_drift',
    'Places where the credit ledger does not add up; must be 0',
  );

  constructor(
    private readonly audit: CreditsAudit,
    private readonly timetable: Timetable,
  ) {}

  onModuleInit(): void {
    this.timetable.every('credits.audit', EVERY_MS, () => this.check());
  }

  /** One audit now; the metric then holds what it found. */
  async check(): Promise<void> {
    const drift = await this.audit.findDrift();
    this.drift.set(drift.length);
    for (const found of drift.slice(0, 20)) this.logger.error({ drift: found }, 'credits drift');
  }
}
