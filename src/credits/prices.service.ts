import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../config/index.js';
import { creditsError } from './credits.errors.js';

export interface Price {
  readonly workflow: string;
  readonly credits: number;
}

/**
 * What each workflow and tool costs. Modules declare theirs with a default while the application
 * starts; PRICES overrides it. A job keeps the price of its submit.
 */
@Injectable()
export class Prices implements OnApplicationBootstrap {
  private readonly logger = new Logger(Prices.name);
  private readonly declared = new Map<string, number>();

  constructor(private readonly config: Config) {}

  /** Sells `workflow` for `defaultCredits` unless PRICES says otherwise. Repeating it overwrites. */
  declare(workflow: string, defaultCredits: number): void {
    if (!Number.isSafeInteger(defaultCredits) || defaultCredits < 0) {
      throw new Error(`The price of ${workflow} must be a whole number of 0 or more.`);
    }
    this.declared.set(workflow, this.config.credits.prices[workflow] ?? defaultCredits);
  }

  /** Credits for one job of `workflow`. Throws credits.unknown_workflow. */
  of(workflow: string): number {
    const credits = this.declared.get(workflow);
    if (credits === undefined) {
      throw creditsError(
        'credits.unknown_workflow',
        `There is no workflow "${workflow}"; GET /v1/credits/prices lists them.`,
      );
    }
    return credits;
  }

  /** Every price, by name. */
  all(): Price[] {
    return [...this.declared]
      .map(([workflow, credits]) => ({ workflow, credits }))
      .toSorted((a, b) => (a.workflow < b.workflow ? -1 : 1));
  }

  onApplicationBootstrap(): void {
    for (const workflow of Object.keys(this.config.credits.prices)) {
      if (!this.declared.has(workflow)) {
        this.logger.warn(`PRICES names "${workflow}", which is no workflow of this installation.`);
      }
    }
  }
}
