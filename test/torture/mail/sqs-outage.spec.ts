import { describe, expect, it } from 'vitest';
import { cutSqs } from '../../support/sqs-outage.js';

describe('SQS away for two minutes at ten jobs a second', () => {
  it('leaves the jobs as fast as before and is caught up within half that time', async () => {
    const report = await cutSqs(120, 30);
    console.log(JSON.stringify(report));
    expect(report.sent).toBe(report.jobs);
    expect(report.recoverySeconds).toBeLessThan(60);
    expect(report.latencyDuringMs).toBeLessThan(report.latencyCalmMs * 1.1);
  });
});
