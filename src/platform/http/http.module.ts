import { Global, Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { ClsService } from 'nestjs-cls';
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
export class HttpModule implements NestModule {
  constructor(private readonly cls: ClsService) {}

  /**
   * What a request causes finds the same context, such as who asked. Behind the parsers: a body that is
   * waited for would lose it.
   */
  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((_request: unknown, _response: unknown, next: () => void) => this.cls.run(next))
      .forRoutes('/');
  }
}
