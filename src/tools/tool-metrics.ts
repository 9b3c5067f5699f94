import { Injectable } from '@nestjs/common';
import { Counter, Gauge, register } from 'prom-client';

const counter = (name: string, help: string, labelNames: string[]): Counter => {
  const known = register.getSingleMetric(name);
  return known instanceof Counter ? known : new Counter({ name, help, labelNames });
};

const gauge = (name: string, help: string, labelNames: string[]): Gauge => {
  const known = register.getSingleMetric(name);
  return known instanceof Gauge ? known : new Gauge({ name, help, labelNames });
};

/** Figures about tools for Prometheus; one set per process. */
@Injectable()
export class ToolMetrics {
  readonly creates = counter('tool_creates_total', 'Creates at providers by outcome', [
    'provider',
    'outcome',
  ]);
  readonly reconciled = counter(
    'tool_reconciled_total',
    'Creates of unknown outcome, by what the provider says of them',
    ['provider', 'outcome'],
  );
  readonly paused = gauge('tool_paused', '1 while the operator must act (key, credit)', [
    'provider',
  ]);
  readonly balance = gauge(
    'tool_provider_balance',
    "What is left in our account, in the provider's unit",
    ['provider'],
  );
  readonly isBalanceLow = gauge(
    'tool_provider_balance_low',
    '1 while the balance is below the set limit',
    ['provider'],
  );
}
