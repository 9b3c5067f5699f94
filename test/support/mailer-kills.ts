import { setTimeout as pause } from 'node:timers/promises';
import { expect, inject } from 'vitest';
import { FinishedJobs } from '../medium/mail/finished-jobs.js';
import { startMailHouse } from '../medium/mail/mail-house.js';
import { TEST_KEYS } from './config.js';
import { eventually, mailbox } from './mailer.js';
import { RoleProcess } from './role-process.js';
import { startSesProxy } from './ses-proxy.js';

export interface KillPlan {
  readonly jobs: number;
  readonly kills: number;
  readonly ratePerSecond: number;
  readonly patienceMs: number;
}

export interface KillReport {
  readonly mails: number;
  readonly jobsWithCopies: number;
  readonly possibleCopies: number;
  readonly mostPerJob: number;
}

/**
 * Two mailers send the results of `jobs` jobs while one after the other is killed with SIGKILL and
 * started again. Counts in the SES stand-in's own store, and expects at least one mail per job,
 * exactly one where no request was left without a known outcome, and never more than were counted.
 */
export const killMailers = async (plan: KillPlan): Promise<KillReport> => {
  // Slow enough that some kills fall between SES's yes and the record.
  const ses = await startSesProxy(inject('mailboxUrl'));
  ses.plan = (call) => ({ kind: 'slow', ms: (call * 37) % 80 });
  const house = await startMailHouse({
    ROLES: 'api',
    SES_ENDPOINT: ses.url,
    MAIL_RATE: String(plan.ratePerSecond),
    MAIL_LEASE_SECONDS: '3',
    SES_TIMEOUT_SECONDS: '0.9',
  });
  const environment = {
    ...house.environment,
    NODE_ENV: 'test',
    ROLES: 'mailer',
    PORT: '0',
    LOG_LEVEL: 'error',
    COMFYUI_URLS: 'http://127.0.0.1:1',
    ...TEST_KEYS,
  };
  const mailers = [RoleProcess.start(environment), RoleProcess.start(environment)];
  try {
    await Promise.all(mailers.map((mailer) => mailer.ready));
    const jobs = new FinishedJobs(house.app);
    const owner = await jobs.owner();
    const ids = await Promise.all(
      Array.from({ length: plan.jobs }, (_, index) =>
        jobs.finish(owner, {
          title: `Job ${index}`,
          outputs: [{ name: 'text', content: 'A cup.' }],
        }),
      ),
    );
    const isDone = async (): Promise<boolean> => {
      const row = await house.database.one<{ open: number; all: number }>(
        `SELECT count(*) FILTER (WHERE status = 'queued') AS open, count(*) AS all FROM emails`,
      );
      return row?.open === 0 && row.all === ids.length;
    };
    for (let kill = 0; kill < plan.kills; kill++) {
      await pause(100 + ((kill * 131) % 300));
      const victim = kill % mailers.length;
      await mailers[victim]?.kill();
      mailers[victim] = RoleProcess.start(environment);
      await mailers[(victim + 1) % mailers.length]?.ready;
    }
    await eventually(isDone, plan.patienceMs);
    return await judge(house.database, owner.email);
  } finally {
    await Promise.all(mailers.map((mailer) => mailer.kill()));
    await house.close();
    await ses.close();
  }
};

const judge = async (
  database: { query: <Row extends object>(sql: string) => Promise<Row[]> },
  address: string,
): Promise<KillReport> => {
  const rows = await database.query<{ title: string; status: string; possibleCopies: number }>(
    `SELECT j.title, e.status, e.possible_copies AS "possibleCopies"
     FROM emails e JOIN jobs j ON j.id = e.job_id`,
  );
  const subjects = (await mailbox(address)).map((mail) => mail.subject);
  const countOf = (title: string): number =>
    subjects.filter((subject) => subject === `Your result is ready: ${title}`).length;
  for (const { title, status, possibleCopies } of rows) {
    expect(status).toBe('sent');
    expect(countOf(title)).toBeGreaterThanOrEqual(1);
    expect(countOf(title)).toBeLessThanOrEqual(1 + possibleCopies);
  }
  const counts = rows.map(({ title }) => countOf(title));
  return {
    mails: subjects.length,
    jobsWithCopies: counts.filter((count) => count > 1).length,
    possibleCopies: rows.reduce((sum, row) => sum + row.possibleCopies, 0),
    mostPerJob: Math.max(...counts),
  };
};
