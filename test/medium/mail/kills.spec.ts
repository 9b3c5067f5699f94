import { describe, expect, it } from 'vitest';
import { killMailers } from '../../support/mailer-kills.js';

describe('mailers that are killed', () => {
  it('lose no mail and send no copy that is not counted', async () => {
    const kills = 4;
    const report = await killMailers({
      jobs: 40,
      kills,
      ratePerSecond: 15,
      patienceMs: 100_000,
    });
    expect(report.mails).toBeGreaterThanOrEqual(40);
    // One extra for each kill at most: the same mail may be in hand at more than one of them.
    expect(report.mostPerJob).toBeLessThanOrEqual(1 + kills);
  });
});
