import { expect, it } from 'vitest';
import { killToolWorkers } from '../../support/tool-kills.js';

const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);

it(`20 kill -9 of the worker over 20 models and 20 try-ons (seed ${SEED})`, async () => {
  const report = await killToolWorkers({
    jobs: 20,
    kills: 20,
    seed: SEED,
    pauseMs: 2_000,
    limitMs: 600_000,
  });
  console.log(JSON.stringify({ seed: SEED, ...report }));
  expect(report.inHand).toBeGreaterThan(0);
  expect(report.succeeded + report.unknown).toBe(40);
});
