import { describe, expect, it } from 'vitest';
import { MAX_ATTEMPTS, nextStep, outcomeOfError, type Tries } from './outcome.js';

const sdkError = (name: string, status: number | undefined, message = 'words', code?: string) =>
  Object.assign(new Error(message), {
    name,
    ...(code && { code }),
    ...(status !== undefined && { $metadata: { httpStatusCode: status } }),
  });

describe('outcomeOfError', () => {
  it.each([
    ['a throttled call', sdkError('Throttling', 400, 'Maximum sending rate exceeded.'), 'wait'],
    ['HTTP 429', sdkError('TooManyRequestsException', 429), 'wait'],
    ['the daily quota', sdkError('Throttling', 454, 'Daily message quota exceeded.'), 'wait'],
    ['a paused account', sdkError('AccountSendingPausedException', 400), 'wait'],
    ['a refused connection', sdkError('Error', undefined, 'connect', 'ECONNREFUSED'), 'wait'],
    [
      'a connection never made',
      sdkError('TimeoutError', undefined, 'Socket timed out without establishing a connection'),
      'wait',
    ],
    ['a time-out after the request', sdkError('AbortError', undefined), 'unknown'],
    ['a reset', sdkError('Error', undefined, 'socket hang up', 'ECONNRESET'), 'unknown'],
    ['an answer of 503', sdkError('ServiceUnavailable', 503), 'unknown'],
    ['a rejected message', sdkError('MessageRejected', 400), 'refused'],
    ['an unverified domain', sdkError('MailFromDomainNotVerifiedException', 400), 'failed'],
    ['missing keys', sdkError('CredentialsProviderError', undefined), 'failed'],
    ['a wrong key', sdkError('InvalidClientTokenId', 403), 'failed'],
  ])('reads %s', (_title, error, kind) => {
    expect(outcomeOfError(error).kind).toBe(kind);
  });
});

describe('nextStep', () => {
  const fresh: Tries = { attempts: 0, waits: 0, isUnknown: false };

  it('spends no attempt on a wait and widens the jitter up to twenty units', () => {
    const delays = Array.from({ length: 14 }, (_, waits) =>
      nextStep({ kind: 'wait', reason: '' }, { ...fresh, waits }, 30, 0.999),
    );
    expect(delays.every((step) => step.attempts === 0 && step.status === 'queued')).toBe(true);
    expect(delays[0]?.delaySeconds).toBeCloseTo(2, 1);
    expect(delays.at(-1)?.delaySeconds).toBeCloseTo(600, -1);
    expect(nextStep({ kind: 'wait', reason: '' }, fresh, 30, 0).delaySeconds).toBe(0);
  });

  it('spreads a wait for the daily quota over ten minutes at once', () => {
    const step = nextStep({ kind: 'wait', reason: '', isUrgent: true }, fresh, 30, 0.5);
    expect(step.delaySeconds).toBe(300);
  });

  it('waits safely before it repeats a request of unknown outcome', () => {
    const step = nextStep({ kind: 'unknown', reason: '' }, fresh, 30, 0);
    expect(step).toMatchObject({ status: 'queued', attempts: 1, delaySeconds: 120 });
    expect(step.isUnknown).toBe(true);
  });

  it('keeps an unknown request in mind while the next try waits', () => {
    const step = nextStep({ kind: 'wait', reason: '' }, { ...fresh, isUnknown: true }, 30, 0);
    expect(step.isUnknown).toBe(true);
  });

  it('grows the pause between failures and gives up after five', () => {
    const steps = Array.from({ length: MAX_ATTEMPTS }, (_, attempts) =>
      nextStep({ kind: 'failed', reason: '' }, { ...fresh, attempts }, 30, 0),
    );
    expect(steps.map((step) => step.delaySeconds)).toEqual([30, 120, 480, 1920, 0]);
    expect(steps.map((step) => step.status)).toEqual([
      'queued',
      'queued',
      'queued',
      'queued',
      'dead',
    ]);
  });

  it('ends a refused mail', () => {
    expect(nextStep({ kind: 'refused', reason: '' }, fresh, 30, 0).status).toBe('undeliverable');
  });
});
