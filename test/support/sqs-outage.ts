import { setTimeout as pause } from 'node:timers/promises';
import { inject } from 'vitest';
import { FinishedJobs } from '../medium/mail/finished-jobs.js';
import { startMailHouse } from '../medium/mail/mail-house.js';
import { eventually } from './mailer.js';
import { startTcpGate } from './tcp-gate.js';

export interface OutageReport {
  readonly jobs: number;
  readonly sent: number;
  /** Median time of the transaction that ends a job, in ms. */
  readonly latencyBeforeMs: number;
  readonly latencyDuringMs: number;
  /** From the return of SQS until no mail waits, jobs still coming. */
  readonly recoverySeconds: number;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Ten jobs a second end while SQS is there, then away for `awaySeconds`, then back. */
export const cutSqs = async (awaySeconds: number, calmSeconds: number): Promise<OutageReport> => {
  const gate = await startTcpGate(inject('queueEndpoint'));
  const house = await startMailHouse({
    SQS_ENDPOINT: gate.url,
    MAIL_RATE: '200',
    MAIL_RETRY_SECONDS: '30',
  });
  try {
    const jobs = new FinishedJobs(house.app);
    const owner = await jobs.owner('Ada', undefined, 1_000_000);
    const latencies = { before: [] as number[], during: [] as number[], after: [] as number[] };
    let phase: keyof typeof latencies = 'before';
    let isEnding = false;
    const open: Promise<unknown>[] = [];
    const produce = async (): Promise<void> => {
      for (let next = performance.now(); !isEnding; next += 100) {
        await pause(Math.max(0, next - performance.now()));
        const [begun, into] = [performance.now(), latencies[phase]];
        open.push(
          jobs
            .finish(owner, { outputs: [{ name: 'text', content: 'A cup.' }] })
            .then(() => void into.push(performance.now() - begun)),
        );
      }
    };
    const producing = produce();
    await pause(calmSeconds * 1_000);
    await gate.shut();
    phase = 'during';
    await pause(awaySeconds * 1_000);
    phase = 'after';
    await gate.open();
    const back = performance.now();
    const count = (condition: string) =>
      house.database
        .one<{ count: number }>(`SELECT count(*) AS count FROM emails WHERE ${condition}`)
        .then((row) => row?.count ?? 0);
    // Mails younger than two seconds are today's work, not the backlog.
    await eventually(
      async () => (await count(`status = 'queued' AND created_at < now() - interval '2 s'`)) === 0,
      awaySeconds * 2_000 + 60_000,
    );
    const recoverySeconds = (performance.now() - back) / 1_000;
    isEnding = true;
    await producing;
    await Promise.all(open);
    await eventually(async () => (await count(`status = 'sent'`)) === open.length);
    return {
      jobs: open.length,
      sent: await count(`status = 'sent'`),
      latencyBeforeMs: median(latencies.before),
      latencyDuringMs: median(latencies.during),
      recoverySeconds,
    };
  } finally {
    await house.close();
    await gate.shut();
  }
};
