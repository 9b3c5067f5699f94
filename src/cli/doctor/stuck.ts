import type { Database } from '../../platform/index.js';
import { bad, odd, ok, type Finding } from './finding.js';

interface Count {
  readonly count: number;
  /** Of the one that has waited longest. */
  readonly oldest: Date | null;
  readonly example: string | null;
}

/** What should have moved by itself: the reconciler comes every 2 s, the sweeper every few. */
const LATE = `interval '5 minutes'`;

const HELD = `SELECT count(*)::int AS count, min(lease_until) AS oldest, min(id::text) AS example
  FROM jobs WHERE finished_at IS NULL AND lease_until < now() - ${LATE}`;
const CANCELLING = `SELECT count(*)::int AS count, min(cancel_requested_at) AS oldest,
  min(id::text) AS example
  FROM jobs WHERE finished_at IS NULL AND cancel_requested_at < now() - ${LATE}`;
const WAITING = `SELECT count(*)::int AS count, min(created_at) AS oldest, min(workflow) AS example
  FROM jobs WHERE status = 'queued' AND lease_owner IS NULL AND created_at < now() - interval '1 hour'`;
const EVENTS = `SELECT count(*)::int AS count, min(created_at) AS oldest,
  min(topic || coalesce(': ' || last_error, '')) AS example
  FROM outbox WHERE created_at < now() - ${LATE}`;
const MAILS = `SELECT count(*)::int AS count, min(next_attempt_at) AS oldest, min(id::text) AS example
  FROM emails WHERE status = 'queued' AND next_attempt_at < now() - ${LATE}
    AND coalesce(lease_until < now(), true)`;
const DEAD_MAILS = `SELECT count(*)::int AS count, min(created_at) AS oldest,
  min(coalesce(last_error, id::text)) AS example FROM emails WHERE status = 'dead'`;

/** Reads the modules' rows directly: what is stuck is what their services did not notice. */
export const examineStuck = async (database: Database): Promise<readonly Finding[]> => {
  const judge = async (
    subject: string,
    sql: string,
    verdict: (subject: string, detail: string) => Finding,
    words: string,
  ): Promise<Finding | undefined> => {
    const found = await database.one<Count>(sql);
    if (!found || found.count === 0) return undefined;
    const since = found.oldest?.toISOString() ?? 'unknown';
    return verdict(subject, `${found.count} ${words} (oldest ${since}; ${found.example ?? ''})`);
  };
  const jobs = [
    await judge('Jobs', HELD, bad, 'held by nobody for minutes: is a worker running?'),
    await judge('Jobs', CANCELLING, bad, 'do not end although somebody cancelled them'),
    await judge('Jobs', WAITING, odd, 'have waited for over an hour: can a GPU run them?'),
  ].filter((finding) => finding !== undefined);
  const events = await judge('Events', EVENTS, bad, 'were not taken: is their role running?');
  const mails = [
    await judge('Mails', MAILS, bad, 'are due but not sent: is a mailer running?'),
    await judge('Mails', DEAD_MAILS, odd, 'were given up: npm run cli -- mail replay --dead'),
  ].filter((finding) => finding !== undefined);
  return [
    ...(jobs.length > 0 ? jobs : [ok('Jobs', 'none is stuck')]),
    events ?? ok('Events', 'none is stuck'),
    ...(mails.length > 0 ? mails : [ok('Mails', 'none is stuck')]),
  ];
};
