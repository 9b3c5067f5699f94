import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRedis,
  RateLimiterRes,
  type RateLimiterStoreAbstract,
} from 'rate-limiter-flexible';
import { DataSource } from 'typeorm';
import { Config } from '../../config/index.js';
import { RedisLink } from '../queue/redis.js';
import { httpError } from './http-errors.js';

/** How often something may be done, counted by all processes together. */
export interface Limit {
  /** Part of the counter's key and of the headers: short, kebab-case, unique. */
  readonly name: string;
  readonly quota: number;
  readonly windowSeconds: number;
}

/** Names, addresses and networks are not kept readable in the counters. */
const keyOf = (subject: string): string => createHash('sha256').update(subject).digest('base64url');

/** The RateLimit-Policy header (IETF httpapi-ratelimit-headers) of these limits. */
export const policyHeader = (limits: readonly Limit[]): string =>
  limits
    .map(({ name, quota, windowSeconds }) => `"${name}";q=${quota};w=${windowSeconds}`)
    .join(', ');

/**
 * Counters on Redis where REDIS_URL names one, else in PostgreSQL. When the store is away each process
 * counts for itself, so that an outage neither closes nor opens everything.
 */
@Injectable()
export class RateLimits {
  private readonly limiters = new Map<string, RateLimiterStoreAbstract>();

  constructor(
    private readonly source: DataSource,
    private readonly config: Config,
    private readonly redis: RedisLink,
  ) {}

  /**
   * Counts one attempt of `subject`. Throws http.rate_limited (429) with Retry-After, RateLimit and
   * RateLimit-Policy once the quota of the window is used up.
   */
  async consume(limit: Limit, subject: string): Promise<void> {
    const limiter = this.limiterOf(limit);
    try {
      await limiter.consume(keyOf(subject));
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      const seconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000));
      throw httpError('http.rate_limited', `Wait ${seconds} s, then try again.`, {
        headers: {
          'Retry-After': String(seconds),
          RateLimit: `"${limit.name}";r=0;t=${seconds}`,
          'RateLimit-Policy': policyHeader([{ ...limit, quota: limiter.points }]),
        },
      });
    }
  }

  /** Takes one counted attempt back, for attempts that turned out to be honest. */
  async refund(limit: Limit, subject: string): Promise<void> {
    await this.limiterOf(limit).reward(keyOf(subject));
  }

  /** The limit as this installation scales it. */
  scaled(limit: Limit): Limit {
    return { ...limit, quota: this.limiterOf(limit).points };
  }

  private limiterOf(limit: Limit): RateLimiterStoreAbstract {
    const known = this.limiters.get(limit.name);
    if (known) return known;
    const points = Math.max(1, Math.round(limit.quota * this.config.http.rateLimitScale));
    const counted = { keyPrefix: limit.name, points, duration: limit.windowSeconds };
    const options = {
      ...counted,
      // From the first refusal on this process answers by itself: a flood costs the store nothing.
      inMemoryBlockOnConsumed: points + 1,
      insuranceLimiter: new RateLimiterMemory(counted),
    };
    const limiter = this.redis.client
      ? new RateLimiterRedis({ ...options, storeClient: this.redis.client })
      : new RateLimiterPostgres({
          ...options,
          storeClient: this.source,
          storeType: 'typeorm',
          tableName: 'rate_limits',
          tableCreated: true,
          clearExpiredByTimeout: this.limiters.size === 0,
        });
    this.limiters.set(limit.name, limiter);
    return limiter;
  }
}
