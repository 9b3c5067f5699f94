import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/house.js';
import { ModelHouse } from './model-house.js';

/** How often a create is sent for one order, and what becomes of the order. Nothing failed is charged. */
interface Outcome {
  readonly ends: 'succeeded' | `tools.${string}`;
  readonly creates: number;
}

const REFUSED: Outcome = { ends: 'tools.refused', creates: 1 };
const NOT_OFFERED: Outcome = { ends: 'tools.not_offered', creates: 1 };
const TRIED_AGAIN: Outcome = { ends: 'succeeded', creates: 2 };
const UNKNOWN: Outcome = { ends: 'tools.outcome_unknown', creates: 1 };

/** Every error that Tripo3D documents, as the one answer to a create: HTTP status, code, outcome. */
const CREATES: readonly (readonly [status: number, code: number, outcome: Outcome])[] = [
  [500, 1000, UNKNOWN],
  [500, 1001, UNKNOWN],
  [503, 1000, TRIED_AGAIN],
  [200, 1000, UNKNOWN],
  [400, 1003, REFUSED],
  [400, 1004, REFUSED],
  [403, 1005, NOT_OFFERED],
  [429, 1007, TRIED_AGAIN],
  [429, 2000, TRIED_AGAIN],
  [404, 2001, { ends: 'succeeded', creates: 2 }],
  [400, 2002, NOT_OFFERED],
  [400, 2003, REFUSED],
  [400, 2004, REFUSED],
  [400, 2005, REFUSED],
  [400, 2006, REFUSED],
  [400, 2007, REFUSED],
  [400, 2008, { ends: 'tools.moderated', creates: 1 }],
  [400, 2009, REFUSED],
  [400, 2011, REFUSED],
  [400, 2012, REFUSED],
  [403, 2013, NOT_OFFERED],
  [400, 2014, TRIED_AGAIN],
  [400, 2015, NOT_OFFERED],
  [400, 2016, NOT_OFFERED],
  [400, 2017, NOT_OFFERED],
  [400, 2018, REFUSED],
  [404, 2019, TRIED_AGAIN],
  [400, 2021, REFUSED],
  [413, 2022, REFUSED],
  [500, 9001, UNKNOWN],
  // Not once, as the others, but each time.
  [400, 2014, { ends: 'tools.generation_failed', creates: 3 }],
  // One that nobody has documented.
  [400, 2999, REFUSED],
];

/** What ends an accepted task, as `GET /tasks/{id}` shows it. */
const TASKS: readonly (readonly [shown: Record<string, unknown>, code: string])[] = [
  [
    { status: 'failed', error_code: 1000, error_message: 'server error' },
    'tools.generation_failed',
  ],
  [{ status: 'failed', error_code: 2008 }, 'tools.moderated'],
  [{ status: 'failed', error: { code: 2008, message: 'policy' } }, 'tools.moderated'],
  [{ status: 'failed', error_code: 2010 }, 'tools.generation_failed'],
  [{ status: 'failed', error_code: 2015 }, 'tools.not_offered'],
  [{ status: 'failed', error_code: 2018 }, 'tools.refused'],
  [{ status: 'failed' }, 'tools.generation_failed'],
  [{ status: 'banned' }, 'tools.moderated'],
  [{ status: 'expired' }, 'tools.generation_failed'],
  [{ status: 'cancelled' }, 'tools.cancelled_by_provider'],
  [{ status: 'unknown' }, 'tools.task_lost'],
  [{ status: 'melted' }, 'tools.task_lost'],
  [{ output: {} }, 'tools.bad_result'],
];

let house: ModelHouse;
beforeAll(async () => {
  house = await ModelHouse.start({
    TRIPO_CONCURRENCY: '8',
    TRIPO_POLL_SECONDS: '0.05',
    TOOL_OPERATOR_PAUSE_SECONDS: '1',
    TOOL_RECONCILE_SECONDS: '3',
  });
});
afterAll(() => house.stop());
beforeEach(() => house.script());

const outcomeOf = async (id: string) => {
  const job = await house.customer.ended(id, 90_000);
  if (job.status === 'succeeded') expect(job.credits).toEqual({ reserved: 0, captured: 30 });
  else {
    expect(job).toMatchObject({ outputs: [], credits: { reserved: 0, captured: 0 } });
    expect(job.error?.hint).toEqual(expect.any(String));
  }
  return job.error?.code ?? job.status;
};

const isPaused = async (paused: boolean): Promise<boolean> =>
  (await house.metrics()).includes(`tool_paused{provider="tripo"} ${Number(paused)}`);

/** The order with this seed alone meets the fault. */
const fieldOf = (seed: number) => `"model_seed":${seed},`;

describe('an error of Tripo3D', () => {
  it('that answers a create ends, repeats and charges as the table says', async () => {
    await house.script(
      ...CREATES.map(([status, code, { ends, creates }], seed) => ({
        on: 'create',
        times: ends === 'tools.generation_failed' ? creates : 1,
        bodyHas: fieldOf(seed),
        answer: { status, json: { code, status: 'error', message: `code ${code}` } },
      })),
    );
    const ids = await Promise.all(CREATES.map(async (_, seed) => (await house.order({ seed })).id));
    const ends = await Promise.all(ids.map(outcomeOf));
    const calls = await house.standIns.calls('tripo', 'create');
    const sent = CREATES.map(
      (_, seed) => calls.filter(({ body }) => body?.includes(fieldOf(seed))).length,
    );
    expect(
      CREATES.map(([status, code], at) => [status, code, { ends: ends[at], creates: sent[at] }]),
    ).toEqual(CREATES);
  });

  it('that ends an accepted task is told, not charged, and makes no second task', async () => {
    const shift = 1_000;
    await house.script(
      ...TASKS.map(([task], at) => ({ on: 'create', bodyHas: fieldOf(at + shift), task })),
    );
    const { calls, charged, reserved } = await house.spent('create', async () => {
      const ids = await Promise.all(
        TASKS.map(async (_, at) => (await house.order({ seed: at + shift })).id),
      );
      const ends = await Promise.all(ids.map(outcomeOf));
      expect(TASKS.map(([task], at) => [task, ends[at]])).toEqual(TASKS);
    });
    expect({ calls, charged, reserved }).toEqual({ calls: TASKS.length, charged: 0, reserved: 0 });
  });

  it.each([
    ['401 with code 2', 401, { code: 2 }],
    ['401 with code 1002', 401, { code: 1002 }],
    ['403 with code 2010, no credit', 403, { code: 2010 }],
    ['404 without JSON, for the address is wrong', 404, undefined],
  ])('that the operator must mend holds the tool back: %s', async (_, status, json) => {
    // The pause of the test before must be over.
    await until(() => isPaused(false));
    await house.script({
      on: 'create',
      answer: { status, ...(json ? { json } : { text: '<html>' }) },
    });
    const { calls, charged } = await house.spent('create', async () => {
      const first = await house.order();
      await until(() => isPaused(true));
      const second = await house.order();
      expect(await house.customer.job(first.id)).toMatchObject({ status: 'queued', error: null });
      for (const { id } of [first, second]) expect(await outcomeOf(id)).toBe('succeeded');
    });
    expect({ calls, charged }).toEqual({ calls: 3, charged: 60 });
  });

  it('leaves the ledger exact', async () => {
    expect(await house.house.faultsInLedger()).toEqual([]);
  });
});
