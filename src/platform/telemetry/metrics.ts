import { Injectable, Logger } from '@nestjs/common';
import { Counter, Gauge, Histogram, register, type Metric } from 'prom-client';
import { within } from '../time-limit.js';

/** One metric of a name per process, however many applications it starts. */
const once = <M extends Metric>(name: string, make: () => M): M =>
  (register.getSingleMetric(name) as M | undefined) ?? make();

/** Declares a counter, or finds the one of this name. */
export const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
  once(name, () => new Counter({ name, help, labelNames }));

/** Declares a gauge, or finds the one of this name. */
export const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
  once(name, () => new Gauge({ name, help, labelNames }));

/** Declares a histogram with these upper bounds, or finds the one of this name. */
export const histogram = (
  name: string,
  help: string,
  labelNames: string[],
  buckets: number[],
): Histogram => once(name, () => new Histogram({ name, help, labelNames, buckets }));

const LIMIT_SECONDS = 3;

/** Gauges that are read from the database when somebody asks for the metrics. */
@Injectable()
export class MetricReadings {
  private readonly logger = new Logger(MetricReadings.name);
  private readonly readings = new Map<string, () => Promise<void>>();
  private readonly failures = counter(
    'metric_readings_failed_total',
    'Readings for /metrics that failed; their gauges are as old as the last that did not',
    ['reading'],
  );

  /** `read` sets its gauges; it is called for every scrape of this process. */
  add(name: string, read: () => Promise<void>): void {
    this.readings.set(name, read);
  }

  /** All readings, each within 3 s; one that fails is counted and leaves the others alone. */
  async refresh(): Promise<void> {
    await Promise.all(
      [...this.readings].map(async ([reading, read]) => {
        try {
          await within(LIMIT_SECONDS, read());
        } catch (error) {
          this.failures.inc({ reading });
          this.logger.warn({ err: error, reading }, 'a reading for the metrics failed');
        }
      }),
    );
  }
}
