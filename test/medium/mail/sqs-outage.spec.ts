import { describe, expect, it } from 'vitest';
import { cutSqs } from '../../support/sqs-outage.js';

describe('SQS away for six seconds', () => {
  it('delays mails, not jobs, and loses nothing', async () => {
    const report = await cutSqs(6, 3);
    console.log(JSON.stringify(report));
    expect(report.sent).toBe(report.jobs);
    // Generous on a busy machine; the long version holds it to half the time and ten percent.
    expect(report.recoverySeconds).toBeLessThan(12);
    expect(report.latencyDuringMs).toBeLessThan(report.latencyBeforeMs * 3 + 20);
  });
});
