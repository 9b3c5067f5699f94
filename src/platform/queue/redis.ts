import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Config } from '../../config/index.js';
import { HealthChecks, type Health } from '../telemetry/health.js';

const SAFE_POLICY = 'noeviction';

/** The value of a field of Redis' INFO text. */
const field = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];

/** What an operator must know of a Redis that answers; `info` is its INFO text. */
export const judgeRedis = (info: string): Health => {
  const policy = field(info, 'maxmemory_policy');
  if (policy !== SAFE_POLICY) {
    return {
      ok: false,
      detail: `maxmemory-policy is ${policy ?? 'unknown'}: set it to ${SAFE_POLICY}, or queue records vanish`,
    };
  }
  if (field(info, 'loading') === '1') return { ok: false, detail: 'still loading its data' };
  const failed = ['rdb_last_bgsave_status', 'aof_last_write_status', 'aof_last_bgrewrite_status']
    .filter((name) => field(info, name) === 'err')
    .join(', ');
  if (failed !== '') return { ok: false, detail: `cannot write its data to disk: ${failed}` };
  return field(info, 'aof_enabled') === '1'
    ? { ok: true, detail: 'noeviction, append-only file' }
    : { ok: true, detail: 'noeviction, no append-only file: after a crash PostgreSQL refills it' };
};

/**
 * This process' own short commands to the Redis of REDIS_URL, apart from BullMQ's connections:
 * `client` fails at once while Redis is away, and is undefined where no Redis is named.
 */
@Injectable()
export class RedisLink implements OnApplicationShutdown {
  private readonly logger = new Logger(RedisLink.name);
  readonly client: Redis | undefined;

  constructor(config: Config, health: HealthChecks) {
    const { redisUrl } = config.queue;
    if (redisUrl === undefined) return;
    const client = new Redis(redisUrl, { enableOfflineQueue: false, maxRetriesPerRequest: 1 });
    client.on('error', (error) => this.logger.warn(`Redis: ${error.message}`));
    this.client = client;
    health.add('redis', async () => judgeRedis(await client.info()));
  }

  onApplicationShutdown(): void {
    this.client?.disconnect();
  }
}
