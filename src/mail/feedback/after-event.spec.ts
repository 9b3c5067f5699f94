import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterEvent, type Reported } from './after-event.js';

const events = [
  { kind: 'sent', bounceType: undefined },
  { kind: 'delivered', bounceType: undefined },
  { kind: 'bounced', bounceType: 'transient' },
  { kind: 'bounced', bounceType: 'permanent' },
  { kind: 'complained', bounceType: undefined },
] as const;

const start: Reported = { status: 'queued', bounceType: null };

describe('afterEvent', () => {
  it('ends at the same status for every order and doubling of the same events', () => {
    fc.assert(
      fc.property(
        fc.subarray([...events], { minLength: 1 }),
        fc.infiniteStream(fc.nat()),
        (some, dice) => {
          const doubled = [...some, ...some];
          const shuffled = doubled
            .map((event) => ({ event, at: dice.next().value as number }))
            .sort((a, b) => a.at - b.at)
            .map(({ event }) => event);
          const end = shuffled.reduce(afterEvent, start);
          expect(end.status).toBe(some.reduce(afterEvent, start).status);
        },
      ),
    );
  });

  it.each([
    ['an out-of-office answer keeps a delivery', ['delivered', 'transient'], 'delivered'],
    ['a late permanent bounce takes a delivery back', ['delivered', 'permanent'], 'bounced'],
    ['a complaint stands over a bounce', ['complained', 'permanent'], 'complained'],
  ])('%s', (_title, names, status) => {
    const chosen = names.map((name) =>
      events.find((event) => event.kind === name || event.bounceType === name)!,
    );
    expect(chosen.reduce(afterEvent, start).status).toBe(status);
  });

  it('learns from SES that a mail given up had gone out', () => {
    expect(afterEvent({ status: 'dead', bounceType: null }, events[0]).status).toBe('sent');
  });

  it('leaves a mail that was never sent undeliverable after a rejection', () => {
    const rejected = { kind: 'rejected', bounceType: undefined } as const;
    expect(afterEvent(start, rejected).status).toBe('undeliverable');
    expect(afterEvent({ status: 'delivered', bounceType: null }, rejected).status).toBe(
      'delivered',
    );
  });
});
