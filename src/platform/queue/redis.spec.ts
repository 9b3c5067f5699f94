import { describe, expect, it } from 'vitest';
import { judgeRedis } from './redis.js';

const info = (fields: Readonly<Record<string, string>>): string =>
  Object.entries({
    maxmemory_policy: 'noeviction',
    loading: '0',
    aof_enabled: '1',
    rdb_last_bgsave_status: 'ok',
    aof_last_write_status: 'ok',
    ...fields,
  })
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('');

describe('judgeRedis', () => {
  it('is content with noeviction, and says what a crash would cost', () => {
    expect(judgeRedis(info({}))).toEqual({ ok: true, detail: 'noeviction, append-only file' });
    const forgetful = judgeRedis(info({ aof_enabled: '0' }));
    expect(forgetful.ok).toBe(true);
    expect(forgetful.detail).toContain('PostgreSQL refills it');
  });

  it.each([
    [{ maxmemory_policy: 'allkeys-lru' }, /maxmemory-policy is allkeys-lru/],
    [{ loading: '1' }, /loading/],
    [{ rdb_last_bgsave_status: 'err' }, /rdb_last_bgsave_status/],
    [{ aof_last_write_status: 'err' }, /aof_last_write_status/],
  ])('is not with %o', (fields, words) => {
    const { ok, detail } = judgeRedis(info(fields));
    expect(ok).toBe(false);
    expect(detail).toMatch(words);
  });
});
