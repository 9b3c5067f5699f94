import { createHash } from 'node:crypto';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { BullBoardModule } from '@bull-board/nestjs';
import { Module, type DynamicModule } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { People } from './auth/index.js';
import { ComfyModule } from './comfy/index.js';
import type { Config } from './config/index.js';
import { ToolsModule } from './tools/index.js';

const ROUTE = '/admin/queues';
/** A page of the board asks again every few seconds; a right answer is believed for so long. */
const REMEMBER_MS = 60_000;
const MAX_FAILURES_PER_MINUTE = 10;

const credentialsOf = (header: string): { email: string; password: string } | undefined => {
  const [, encoded] = /^Basic\s+(\S+)$/i.exec(header) ?? [];
  const text = encoded ? Buffer.from(encoded, 'base64').toString('utf8') : '';
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : { email: text.slice(0, colon), password: text.slice(colon + 1) };
};

/** HTTP Basic with an admin's address and password; failures are limited per client address. */
const adminsOnly = (people: People) => {
  const failures = new RateLimiterMemory({ points: MAX_FAILURES_PER_MINUTE, duration: 60 });
  const remembered = new Map<string, number>();
  const isAdmin = async (header: string): Promise<boolean> => {
    const key = createHash('sha256').update(header).digest('base64');
    if ((remembered.get(key) ?? 0) > Date.now()) return true;
    const credentials = credentialsOf(header);
    if (!credentials) return false;
    const person = await people
      .authenticate(credentials.email, credentials.password)
      .catch(() => undefined);
    if (person?.role !== 'admin') return false;
    remembered.clear();
    remembered.set(key, Date.now() + REMEMBER_MS);
    return true;
  };
  const check = async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const address = request.ip ?? '';
    const spent = await failures.get(address);
    if (spent && spent.remainingPoints <= 0) {
      response
        .status(429)
        .set('Retry-After', String(Math.ceil(spent.msBeforeNext / 1_000)))
        .end();
      return;
    }
    if (await isAdmin(request.headers.authorization ?? '')) return next();
    if (request.headers.authorization) await failures.consume(address).catch(() => undefined);
    response.status(401).set('WWW-Authenticate', 'Basic realm="House of Models queues"').end();
  };
  return (request: Request, response: Response, next: NextFunction) => {
    check(request, response, next).catch(next);
  };
};

/** Bull Board over every queue, read-only: a job is retried through our own admin call. */
@Module({})
export class DashboardModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: DashboardModule,
      imports: [
        BullBoardModule.forRootAsync({
          inject: [People],
          useFactory: (people: People) => ({
            route: ROUTE,
            adapter: ExpressAdapter,
            middleware: adminsOnly(people),
            boardOptions: { uiConfig: { boardTitle: 'House of Models' } },
          }),
        }),
        BullBoardModule.forFeature(
          ...[...ComfyModule.queueNames(config), ...ToolsModule.queueNames()].map((name) => ({
            name,
            adapter: BullMQAdapter,
            options: { readOnlyMode: true },
          })),
        ),
      ],
    };
  }
}
