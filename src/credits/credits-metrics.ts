import { Injectable } from '@nestjs/common';
import { Database, gauge, MetricReadings } from '../platform/index.js';

/** What all persons together hold. */
@Injectable()
export class CreditsMetrics {
  private readonly reserved = gauge('credits_reserved', 'Credits held for open jobs');
  private readonly available = gauge('credits_available', 'Credits that persons can spend');

  constructor(
    private readonly database: Database,
    readings: MetricReadings,
  ) {
    readings.add('credits', () => this.read());
  }

  private async read(): Promise<void> {
    const sums = await this.database.one<{ available: number; reserved: number }>(
      `SELECT coalesce(sum(available), 0)::float8 AS available,
         coalesce(sum(reserved), 0)::float8 AS reserved FROM credit_accounts`,
    );
    this.reserved.set(sums?.reserved ?? 0);
    this.available.set(sums?.available ?? 0);
  }
}
