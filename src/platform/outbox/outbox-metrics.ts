import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { gauge, MetricReadings } from '../telemetry/metrics.js';

/** How far the handlers of events are behind. */
@Injectable()
export class OutboxMetrics {
  private readonly events = gauge('outbox_events', 'Events that wait for their handler', ['topic']);
  private readonly lag = gauge('outbox_lag_seconds', 'Age of the oldest event that waits', [
    'topic',
  ]);

  constructor(
    private readonly database: Database,
    readings: MetricReadings,
  ) {
    readings.add('outbox', () => this.read());
  }

  private async read(): Promise<void> {
    const rows = await this.database.query<{ topic: string; events: number; lag: number }>(
      `SELECT topic, count(*)::int AS events,
         extract(epoch FROM now() - min(created_at))::float8 AS lag
       FROM outbox GROUP BY topic`,
    );
    this.events.reset();
    this.lag.reset();
    for (const { topic, events, lag } of rows) {
      this.events.set({ topic }, events);
      this.lag.set({ topic }, lag);
    }
  }
}
