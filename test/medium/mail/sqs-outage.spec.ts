import { describe, expect, it } from 'vitest';
import { cutSqs } from '../../support/sqs-outage.js';

describe('SQS away for six seconds', () => {
  it('delays mails, not jobs, and loses nothing', async () => {
    const report = await cutSqs(6, 3);
    console.log(JSON.stringify(report));
    expect(report.sent).toBe(report.jobs);
    // A job that waited for SQS would take three seconds on average. The long version holds the jobs to
    // ten percent and the backlog to half the time.
    expect(report.latencyDuringMs).toBeLessThan(3_000);
  });
});
