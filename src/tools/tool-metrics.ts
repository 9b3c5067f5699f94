import { Injectable } from '@nestjs/common';
import { counter, gauge } from '../platform/index.js';

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
  readonly errors = counter(
    'tool_provider_errors_total',
    'Errors of providers that broke off the work on a job',
    ['provider', 'kind'],
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
