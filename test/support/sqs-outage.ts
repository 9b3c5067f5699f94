import { setTimeout as pause } from 'node:timers/promises';
import { inject } from 'vitest';
import { SqsClients } from '../../src/mail/queue/sqs-clients.js';
import { FinishedJobs } from '../medium/mail/finished-jobs.js';
import { startMailHouse } from '../medium/mail/mail-house.js';
import { eventually } from './mailer.js';
import { startTcpGate } from './tcp-gate.js';

export interface OutageReport {
  readonly jobs: number;
  readonly sent: number;
  /** Median time to write a job and its end, in ms: with SQS there, before and after the outage alike. */
  readonly latencyCalmMs: number;
  readonly latencyDuringMs: number;
  /** Questions that the process asked while nobody answered. */
  readonly callsWhileAway: number;
  /** From the return of SQS until no mail waits, jobs still coming. */
  readonly recoverySeconds: number;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/**
 * Ten jobs a second end while SQS is there, then away for `awaySeconds`, then back and, once it has
 * caught up, there as before. The times with SQS are taken on both sides of the outage, so that what
 * else the machine does weighs on both.
 */
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
    const latencies = { calm: [] as number[], during: [] as number[], recovery: [] as number[] };
    let phase: keyof typeof latencies = 'calm';
    let callsWhileAway = 0;
    const { sending, receiving } = house.app.get(SqsClients, { strict: false });
    for (const client of [sending, receiving]) {
      client.middlewareStack.add((next) => (call) => {
        if (phase === 'during') callsWhileAway += 1;
        return next(call);
      });
    }
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
    phase = 'recovery';
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
    phase = 'calm';
    await pause(calmSeconds * 1_000);
    isEnding = true;
    await producing;
    await Promise.all(open);
    await eventually(async () => (await count(`status = 'sent'`)) === open.length);
    return {
      jobs: open.length,
      sent: await count(`status = 'sent'`),
      latencyCalmMs: median(latencies.calm),
      latencyDuringMs: median(latencies.during),
      callsWhileAway,
      recoverySeconds,
    };
  } finally {
    await house.close();
    await gate.shut();
  }
};
