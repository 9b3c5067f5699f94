import { afterEach, describe, expect, it } from 'vitest';
import { eventually, House } from './support/house.js';
import { leftOvers } from './support/processes.js';
import type { EntryJson, JobJson, StreamEvent, Visitor } from './support/visitor.js';

const PASSWORD = 'three cups before noon';
const STOP_LIMIT_MS = 10_000;
/** Leases short enough for a test; the product's own are 15 s and 60 s. */
const SHORT_LEASES = { JOB_LEASE_SECONDS: '3', INSTANCE_LEASE_SECONDS: '3', INSTANCE_GRACE: '5' };
const ENDS: readonly string[] = ['succeeded', 'failed', 'cancelled'];

const houses: House[] = [];
const start = async (earlier?: House): Promise<House> => {
  const house = await House.start({
    environment: SHORT_LEASES,
    ...(earlier && { dataDir: earlier.dataDir, port: Number(new URL(earlier.url).port) }),
  });
  houses.push(house);
  return house;
};
afterEach(async () => {
  await Promise.all(houses.splice(0).map((house) => house.remove()));
});

const endOf = async (person: Visitor, jobId: string, ms: number): Promise<JobJson | undefined> =>
  eventually(async () => {
    const job = await person.job(jobId);
    return ENDS.includes(job.status) && job;
  }, ms);

/** Resolves when the job has come so far; the stream is then left. */
const untilPercent = async (person: Visitor, jobId: string, percent: number): Promise<void> => {
  for await (const { type, data } of person.events(jobId)) {
    if (type === 'progress' && Number(data['percent']) >= percent) return;
  }
  throw new Error(`The job ended before ${percent} %.`);
};

const typesFor = (entries: readonly EntryJson[], jobId: string): string[] =>
  entries.filter((entry) => entry.jobId === jobId).map(({ type }) => type);

const terminalEvents = async (person: Visitor, jobId: string): Promise<string[]> => {
  const events: StreamEvent[] = [];
  for await (const event of person.events(jobId, { lastEventId: 0 })) events.push(event);
  return events
    .filter(({ type }) => type === 'status' || type === 'snapshot')
    .map(({ data }) => String(data['status']))
    .filter((status) => ENDS.includes(status));
};

/** The job ended once, was paid or freed once, and one mail about it went out. */
const expectOneEnd = async (house: House, person: Visitor, job: JobJson): Promise<void> => {
  const settled = job.status === 'succeeded' ? 'capture' : 'release';
  const entries = await person.entries();
  expect(typesFor(entries, job.id)).toEqual(['reserve', settled]);
  expect(await person.credits()).toEqual({
    available: entries.reduce((sum, entry) => sum + entry.availableDelta, 0),
    reserved: 0,
  });
  expect(await terminalEvents(person, job.id)).toEqual([job.status]);
  const about = async () =>
    (await house.mailsTo(person.email)).filter(({ subject }) => !/confirm/i.test(subject));
  await eventually(async () => (await about()).length > 0, 30_000);
  // A second one would follow within the pause of the retries, which a sweep repeats.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(await about()).toHaveLength(1);
};

describe('Ctrl-C', () => {
  it('ends everything within 10 s, and the next start knows all people, files, jobs and mails', async () => {
    const first = await start();
    const person = await first.signUp();
    const image = await person.upload();
    const { body: job } = await person.order(image.id, { prefer: 'wait=60' });
    await first.mailTo(person.email, ({ subject }) => /ready/i.test(subject));
    const admin = await first.admin();
    const before = {
      credits: await person.credits(),
      entries: await person.entries(),
      mails: (await first.mailsTo(person.email)).map(({ messageId }) => messageId),
    };
    const { ms, code } = await first.end('SIGINT');
    expect(ms).toBeLessThan(STOP_LIMIT_MS);
    expect(code).toBe(0);
    expect(await leftOvers(first.dataDir, STOP_LIMIT_MS - ms)).toEqual([]);

    const second = await start(first);
    const again = await second.logIn(person.email, PASSWORD);
    // Its password stands in the environment of both starts.
    expect((await admin.get('/v1/me')).status).toBe(200);
    expect(await again.job(job.id)).toMatchObject({
      status: 'succeeded',
      credits: { captured: 5 },
    });
    expect(await again.credits()).toEqual(before.credits);
    expect(await again.entries()).toEqual(before.entries);
    expect((await second.mailsTo(person.email)).map(({ messageId }) => messageId)).toEqual(
      before.mails,
    );
    const picture = await again.fetch(`/v1/files/${job.outputs[0]?.file?.id}/content`);
    expect(picture.status).toBe(200);
    expect((await picture.arrayBuffer()).byteLength).toBe(job.outputs[0]?.file?.sizeBytes);
  });

  it('in the middle of a job ends within 10 s too, and the next start finishes the job', async () => {
    const first = await start();
    const person = await first.signUp();
    const { body: job } = await person.order((await person.upload()).id);
    await untilPercent(person, job.id, 10);
    const { ms } = await first.end('SIGINT');
    expect(ms).toBeLessThan(STOP_LIMIT_MS);
    expect(await leftOvers(first.dataDir, STOP_LIMIT_MS - ms)).toEqual([]);

    const second = await start(first);
    const again = await second.logIn(person.email, PASSWORD);
    const ended = await endOf(again, job.id, 90_000);
    expect(ended?.status).toBe('succeeded');
    if (ended) await expectOneEnd(second, again, ended);
  });
});

describe('kill -9', () => {
  it.each([10, 93])(
    'at %i percent of a job leaves no orphan, and the next start ends the job exactly once',
    async (percent) => {
      const first = await start();
      const person = await first.signUp(`killed${percent}`);
      const { body: job } = await person.order((await person.upload()).id);
      if (percent > 0) await untilPercent(person, job.id, percent);
      await first.end('SIGKILL');
      expect(await leftOvers(first.dataDir, 10_000)).toEqual([]);

      const second = await start(first);
      const again = await second.logIn(person.email, PASSWORD);
      const ended = await endOf(again, job.id, 90_000);
      expect(ended?.status).toBe('succeeded');
      if (ended) await expectOneEnd(second, again, ended);
    },
  );

  it('followed at once by a start, again and again, never needs a hand', async () => {
    let house = await start();
    const person = await house.signUp();
    const { body: job } = await person.order((await person.upload()).id);
    for (let round = 0; round < 3; round++) {
      await house.end('SIGKILL');
      house = await start(house);
    }
    const again = await house.logIn(person.email, PASSWORD);
    const ended = await endOf(again, job.id, 90_000);
    expect(ended?.status).toBe('succeeded');
    if (ended) await expectOneEnd(house, again, ended);
  });
});
