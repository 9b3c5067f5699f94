import { Global, Module } from '@nestjs/common';
import { collectDefaultMetrics, register } from 'prom-client';
import { Database } from '../database/database.js';
import { HealthChecks } from './health.js';
import { MetricReadings } from './metrics.js';
import { OperationsController } from './operations.controller.js';

/** Logs, metrics and health for every role. */
@Global()
@Module({
  controllers: [OperationsController],
  providers: [HealthChecks, MetricReadings],
  exports: [HealthChecks, MetricReadings],
})
export class TelemetryModule {
  constructor(health: HealthChecks, database: Database) {
    if (!register.getSingleMetric('process_cpu_user_seconds_total')) collectDefaultMetrics();
    health.add('database', async () => {
      await database.query('SELECT 1');
      return { ok: true };
    });
  }
}
