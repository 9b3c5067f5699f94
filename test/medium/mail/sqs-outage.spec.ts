import { describe, expect, it } from 'vitest';
import { cutSqs } from '../../support/sqs-outage.js';

describe('SQS away for six seconds', () => {
  it('delays mails, not jobs, and loses nothing', async () => {
    const report = await cutSqs(6, 2);
    console.log(JSON.stringify(report));
    expect(report.sent).toBe(report.jobs);
    // A job that waited for SQS would take three seconds on average. The long version holds the jobs to
    // ten percent and the backlog to half the time.
    expect(report.latencyDuringMs).toBeLessThan(3_000);
    // Two that ask, each after pauses of 0.25 s, 0.5 s and so on.
    expect(report.callsWhileAway).toBeLessThan(20);
  });
});
