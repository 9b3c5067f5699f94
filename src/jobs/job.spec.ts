import { describe, expect, it } from 'vitest';
import { assertTransition, isTerminal, JOB_STATUSES, sourcesOf, TRANSITIONS } from './job.js';

describe('TRANSITIONS', () => {
  it('leaves no final state', () => {
    for (const status of JOB_STATUSES.filter(isTerminal)) expect(TRANSITIONS[status]).toEqual([]);
    expect(JOB_STATUSES.filter(isTerminal)).toEqual(['succeeded', 'failed', 'cancelled']);
  });

  it('lets a job succeed only from running', () => {
    expect(sourcesOf('succeeded')).toEqual(['running']);
  });

  it('throws on a move that is not in the table', () => {
    expect(() => assertTransition('cancelled', 'running')).toThrow('cancelled to running');
  });
});
