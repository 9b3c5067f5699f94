import { describe, expect, it } from 'vitest';
import { cutSqs } from '../../support/sqs-outage.js';

describe('SQS away for six seconds', () => {
  it('delays mails, not jobs, and loses nothing', async () => {
    const report = await cutSqs(6, 3);
    console.log(JSON.stringify(report));
    expect(report.sent).toBe(report.jobs);
    expect(report.recoverySeconds).toBeLessThan(3);
    // Generous on a shared machine; the long version holds it to ten percent.
    expect(report.latencyDuringMs).toBeLessThan(report.latencyBeforeMs * 1.5 + 5);
  });
});
