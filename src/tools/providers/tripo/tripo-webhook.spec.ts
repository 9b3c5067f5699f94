import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isSigned, readWebhook } from './tripo-webhook.js';

const SECRET = 'whsec_c2VjcmV0';
const NOW = 1_800_000_000;
const body = Buffer.from('{"type":"task.completed","data":{"task_id":"a"}}');
const sign = (secret: string, time: number | string, bytes = body) =>
  createHmac('sha256', secret).update(`${time}.${bytes.toString()}`).digest('hex');
const check = (header: string, secrets: readonly string[] = [SECRET], bytes = body) =>
  isSigned({ header, body: bytes }, secrets, NOW);

describe('the signature of a webhook', () => {
  it('is good by any of our secrets and any of its signatures', () => {
    const good = sign(SECRET, NOW);
    expect(check(`t=${NOW},v1=${good}`)).toBe(true);
    expect(check(`t=${NOW}, v1=${sign('whsec_old', NOW)}, v1=${good}`)).toBe(true);
    expect(check(`t=${NOW},v1=${good}`, ['whsec_new', SECRET])).toBe(true);
    expect(check(`t=${NOW - 299},v1=${sign(SECRET, NOW - 299)}`)).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['no time', `v1=${sign(SECRET, NOW)}`],
    ['no signature', `t=${NOW}`],
    ['another secret', `t=${NOW},v1=${sign('whsec_other', NOW)}`],
    ['the decoded secret', `t=${NOW},v1=${sign('secret', NOW)}`],
    ['another time', `t=${NOW + 1},v1=${sign(SECRET, NOW)}`],
    ['an old one', `t=${NOW - 301},v1=${sign(SECRET, NOW - 301)}`],
    ['one of the future', `t=${NOW + 301},v1=${sign(SECRET, NOW + 301)}`],
    ['a time that is no number', `t=NaN,v1=${sign(SECRET, 'NaN')}`],
    ['half a signature', `t=${NOW},v1=${sign(SECRET, NOW).slice(0, 32)}`],
    ['no hexadecimal', `t=${NOW},v1=zz`],
  ])('is refused: %s', (_, header) => {
    expect(check(header)).toBe(false);
  });

  it('is refused for other bytes, and without a secret', () => {
    const header = `t=${NOW},v1=${sign(SECRET, NOW)}`;
    expect(check(header, [SECRET], Buffer.from(`${body.toString()} `))).toBe(false);
    expect(check(header, [])).toBe(false);
  });
});

describe('what a webhook says', () => {
  it('is found where the sources say that it is, and is never a crash', () => {
    expect(readWebhook(JSON.parse(body.toString()))).toEqual({
      type: 'task.completed',
      taskId: 'a',
    });
    expect(readWebhook({ type: 'task.failed', data: { id: 'b' } }).taskId).toBe('b');
    expect(readWebhook(['x'])).toEqual({ type: '', taskId: undefined });
  });
});
