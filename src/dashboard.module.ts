import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { BullBoardModule } from '@bull-board/nestjs';
import { Module, type DynamicModule } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { People } from './auth/index.js';
import { ComfyModule } from './comfy/index.js';
import type { Config } from './config/index.js';
import { DomainError, network, RateLimits } from './platform/index.js';
import { ToolsModule } from './tools/index.js';

const ROUTE = '/admin/queues';
const FAILURES = { name: 'dashboard-network', quota: 30, windowSeconds: 60 };

const credentialsOf = (header: string): { email: string; password: string } | undefined => {
  const [, encoded] = /^Basic\s+(\S+)$/i.exec(header) ?? [];
  const text = encoded ? Buffer.from(encoded, 'base64').toString('utf8') : '';
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : { email: text.slice(0, colon), password: text.slice(colon + 1) };
};

/** HTTP Basic with an admin's address and password; failures are limited per network. */
const adminsOnly = (people: People, limits: RateLimits) => {
  const isAdmin = async (header: string): Promise<boolean> => {
    const credentials = credentialsOf(header);
    if (!credentials) return false;
    const person = await people.authenticate(credentials.email, credentials.password);
    return person.role === 'admin';
  };
  const check = async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    try {
      const { authorization } = request.headers;
      if (authorization !== undefined) {
        await limits.consume(FAILURES, network(request));
        if (await isAdmin(authorization)) {
          await limits.refund(FAILURES, network(request));
          return next();
        }
      }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      // Too many tries, or too many logins at this moment; any other refusal is a wrong answer.
      if (error.status === 429 || error.status === 503) {
        response.status(error.status).set(error.headers).end();
        return;
      }
    }
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
          inject: [People, RateLimits],
          useFactory: (people: People, limits: RateLimits) => ({
            route: ROUTE,
            adapter: ExpressAdapter,
            middleware: adminsOnly(people, limits),
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
