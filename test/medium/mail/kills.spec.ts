import { describe, expect, it } from 'vitest';
import { killMailers } from '../../support/mailer-kills.js';

describe('mailers that are killed', () => {
  it('lose no mail and send no copy that is not counted', async () => {
    const report = await killMailers({
      jobs: 40,
      kills: 4,
      ratePerSecond: 15,
      patienceMs: 100_000,
    });
    expect(report.mails).toBeGreaterThanOrEqual(40);
    expect(report.mostPerJob).toBeLessThanOrEqual(2);
  });
});
