import { Global, Module } from '@nestjs/common';
import { Idempotency } from './idempotency.js';
import { OpenApiParts } from './openapi-parts.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import { RateLimits } from './rate-limits.js';

/** What controllers of all modules share. */
@Global()
@Module({
  providers: [Idempotency, OpenApiParts, RateLimitGuard, RateLimits],
  exports: [Idempotency, OpenApiParts, RateLimitGuard, RateLimits],
})
export class HttpModule {}
