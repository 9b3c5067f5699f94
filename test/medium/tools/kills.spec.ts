import { expect, it } from 'vitest';
import { killToolWorkers } from '../../support/tool-kills.js';

const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);

it.concurrent.each(['tripo', 'replicate'] as const)(
  `jobs at %s survive workers that are killed, each paid for once (seed ${SEED})`,
  async (provider) => {
    const report = await killToolWorkers({
      provider,
      jobs: 10,
      kills: 3,
      seed: SEED,
      pauseMs: 1_500,
      limitMs: 120_000,
    });
    expect(report.inHand).toBeGreaterThan(0);
    expect(report.succeeded + report.unknown).toBe(10);
  },
);
