import { Global, Module } from '@nestjs/common';
import { Idempotency } from './idempotency.js';

/** What controllers of all modules share. */
@Global()
@Module({ providers: [Idempotency], exports: [Idempotency] })
export class HttpModule {}
