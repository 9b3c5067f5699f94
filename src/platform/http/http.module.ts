import { Global, Module } from '@nestjs/common';
import { RedisLink } from '../queue/redis.js';
import { Idempotency } from './idempotency.js';
import { OpenApiParts } from './openapi-parts.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import { RateLimits } from './rate-limits.js';
import { Shutdown } from './shutdown.js';

/** What controllers of all modules share. */
@Global()
@Module({
  providers: [Idempotency, OpenApiParts, RateLimitGuard, RateLimits, RedisLink, Shutdown],
  exports: [Idempotency, OpenApiParts, RateLimitGuard, RateLimits, Shutdown],
})
export class HttpModule {}
