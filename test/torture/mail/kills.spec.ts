import { describe, expect, it } from 'vitest';
import { killMailers } from '../../support/mailer-kills.js';

describe('200 succeeded jobs and 20 killed mailers', () => {
  it('bring every result at least once, and count each copy', async () => {
    const report = await killMailers({
      jobs: 200,
      kills: 20,
      ratePerSecond: 12,
      patienceMs: 120_000,
    });
    console.log(JSON.stringify(report));
    expect(report.mails).toBeGreaterThanOrEqual(200);
  });
});
