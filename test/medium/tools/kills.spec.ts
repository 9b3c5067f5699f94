import { expect, it } from 'vitest';
import { killToolWorkers } from '../../support/tool-kills.js';

const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);

it(`tool jobs survive workers that are killed, each paid for once (seed ${SEED})`, async () => {
  const report = await killToolWorkers({
    jobs: 5,
    kills: 3,
    seed: SEED,
    pauseMs: 1_500,
    limitMs: 240_000,
  });
  expect(report.inHand).toBeGreaterThan(0);
  expect(report.succeeded + report.unknown).toBe(10);
}, 400_000);
