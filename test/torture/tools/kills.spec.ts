import { expect, it } from 'vitest';
import { killToolWorkers } from '../../support/tool-kills.js';

const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);

it.each(['tripo', 'replicate'] as const)(
  `20 kill -9 of the worker over 40 jobs at %s (seed ${SEED})`,
  async (provider) => {
    const report = await killToolWorkers({
      provider,
      jobs: 40,
      kills: 20,
      seed: SEED,
      pauseMs: 2_500,
      limitMs: 600_000,
    });
    console.log(JSON.stringify({ provider, seed: SEED, ...report }));
    expect(report.inHand).toBeGreaterThan(0);
    expect(report.succeeded + report.unknown).toBe(40);
  },
);
