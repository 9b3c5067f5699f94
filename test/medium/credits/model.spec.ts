import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CREDITS_MIGRATIONS,
  CreditsAudit,
  CreditsModule,
  Ledger,
  Statement,
} from '../../../src/credits/index.js';
import { ModuleApp } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';

const SEQUENCES = 1_000;
const JOBS = 4;

type JobState = 'none' | 'held' | 'captured' | 'released';

/** What the ledger promises, in memory: two numbers and the state of each job. */
interface Model {
  available: number;
  reserved: number;
  entries: number;
  onceUsed: boolean;
  jobs: { state: JobState; credits: number }[];
}

interface Real {
  ledger: Ledger;
  app: ModuleApp;
  userId: string;
  jobIds: string[];
  open: Set<string>;
}

type Step =
  | { do: 'grant' | 'take'; amount: number; once: boolean }
  | { do: 'submit'; job: number; credits: number; crash: boolean }
  | { do: 'succeed' | 'fail' | 'cancel' | 'expire'; job: number; crash: boolean; twice: boolean };

const amount = fc.integer({ min: 1, max: 12 });
const job = fc.nat(JOBS - 1);
const crash = fc.boolean().chain((first) => fc.boolean().map((second) => first && second));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('grant', 'take'), amount, once: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('submit'),
      job,
      credits: fc.integer({ min: 0, max: 9 }),
      crash,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('succeed', 'fail', 'cancel', 'expire'),
      job,
      crash,
      twice: fc.boolean(),
    }),
  },
) as fc.Arbitrary<Step>;

class Crash extends Error {}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'ok',
    (error: Error & { code?: string }) => {
      if (error instanceof Crash) return 'crash';
      return error.code ?? error.message;
    },
  );

/** What the step must answer, and the model after it. */
const expectation = (model: Model, now: Step): string => {
  switch (now.do) {
    case 'grant':
      if (now.once && model.onceUsed) return 'ok';
      if (now.once) model.onceUsed = true;
      model.available += now.amount;
      model.entries += 1;
      return 'ok';
    case 'take':
      if (now.amount > model.available) return 'credits.insufficient';
      model.available -= now.amount;
      model.entries += 1;
      return 'ok';
    case 'submit': {
      const at = model.jobs[now.job]!;
      if (at.state !== 'none') {
        if (at.credits !== now.credits) return 'credits.already_reserved';
        return now.crash ? 'crash' : 'ok';
      }
      if (now.credits > model.available) return 'credits.insufficient';
      if (now.crash) return 'crash';
      model.jobs[now.job] = { state: 'held', credits: now.credits };
      model.available -= now.credits;
      model.reserved += now.credits;
      model.entries += 1;
      return 'ok';
    }
    default: {
      const at = model.jobs[now.job]!;
      const end: JobState = now.do === 'succeed' ? 'captured' : 'released';
      if (at.state === 'none') return 'credits.no_reservation';
      if (at.state !== 'held' && at.state !== end) return `credits.already_${at.state}`;
      if (now.crash) return 'crash';
      if (at.state === 'held') {
        model.reserved -= at.credits;
        if (end === 'released') model.available += at.credits;
        model.entries += 1;
        at.state = end;
      }
      return 'ok';
    }
  }
};

const perform = (real: Real, now: Step): Promise<string> => {
  const { ledger, userId, jobIds } = real;
  const { database } = real.app;
  const inJob = (jobId: string, crashes: boolean, work: () => Promise<void>) =>
    codeOf(
      database.transaction(async () => {
        await work();
        // The process dies before the transaction that ends or begins the job commits.
        if (crashes) throw new Crash(jobId);
      }),
    );
  switch (now.do) {
    case 'grant':
      return codeOf(
        ledger.grant({
          userId,
          amount: now.amount,
          reason: 'model',
          ...(now.once && { key: `once|${userId}` }),
        }),
      );
    case 'take':
      return codeOf(ledger.grant({ userId, amount: -now.amount, reason: 'model' }));
    case 'submit': {
      const jobId = jobIds[now.job]!;
      return inJob(jobId, now.crash, () =>
        ledger.reserve(userId, [{ jobId, credits: now.credits }]),
      );
    }
    default: {
      const jobId = jobIds[now.job]!;
      const end = () => (now.do === 'succeed' ? ledger.capture(jobId) : ledger.release(jobId));
      return inJob(jobId, now.crash, async () => {
        await end();
        if (now.twice) await end();
      });
    }
  }
};

const { url: databaseUrl } = await testDatabase();
let app: ModuleApp;

beforeAll(async () => {
  app = await ModuleApp.start({
    databaseUrl,
    migrations: CREDITS_MIGRATIONS,
    modules: [CreditsModule.forRoles(['api'])],
    environment: { DATABASE_POOL_SIZE: '12' },
  });
});
afterAll(() => app?.stop());

describe('the ledger against a model', () => {
  it(`agrees after each of ${SEQUENCES} random sequences of commands`, async () => {
    const [ledger, statement] = [app.get(Ledger), app.get(Statement)];
    let steps = 0;
    const run = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 9 }), async (plan) => {
      const userId = randomUUID();
      await app.database.query('INSERT INTO users (id, email) VALUES ($1, $2)', [
        userId,
        `${userId}@example.com`,
      ]);
      const jobIds = Array.from({ length: JOBS }, () => randomUUID());
      const real: Real = { ledger, app, userId, jobIds, open: new Set() };
      const model: Model = {
        available: 0,
        reserved: 0,
        entries: 0,
        onceUsed: false,
        jobs: jobIds.map(() => ({ state: 'none', credits: 0 })),
      };
      for (const now of plan) {
        steps += 1;
        const expected = expectation(model, now);
        expect(await perform(real, now), JSON.stringify(now)).toBe(expected);
        const { available, reserved } = model;
        expect(await ledger.balanceOf(userId)).toEqual({ available, reserved });
      }
      const { items } = await statement.list(userId, { limit: 100 });
      expect(items).toHaveLength(model.entries);
    });
    await fc.assert(run, { numRuns: SEQUENCES, seed: 20261123 });
    expect(steps).toBeGreaterThan(SEQUENCES * 3);
    expect(await app.get(CreditsAudit).findDrift()).toEqual([]);
  });
});
