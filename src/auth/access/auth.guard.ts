import { Injectable, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';
import { ModuleRef, Reflector } from '@nestjs/core';
import type { Response } from 'express';
import {
  ACCESS_METADATA,
  httpError,
  READ_AHEAD_METADATA,
  type AccessRule,
  type AheadReader,
  type AheadRequest,
} from '../../platform/index.js';
import { People } from '../people/people.service.js';
import { Callers } from './callers.service.js';
import type { Caller, CallerRequest } from './current-person.js';
import { OpenResponses } from './open-responses.js';
import { RequestOrigin } from './request-origin.js';
import { StreamAccess } from './stream-access.js';

const BEARER = /^Bearer +(\S+)$/i;

/**
 * The global guard. Denies by default: a route without `@Access` is closed to everybody. The person's
 * row is read on every request, so that suspension, erasure and logout count at once.
 */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly callers: Callers,
    private readonly streams: StreamAccess,
    private readonly people: People,
    private readonly origin: RequestOrigin,
    private readonly open: OpenResponses,
    private readonly modules: ModuleRef,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<CallerRequest>();
    const rule = this.reflector.getAllAndOverride<AccessRule | undefined>(ACCESS_METADATA, [
      context.getHandler(),
      context.getClass(),
    ]);
    const caller = rule === 'public' ? undefined : await this.find(context, rule);
    this.origin.remember(request, {
      personId: caller?.person.id ?? null,
      sessionId: caller?.sessionId ?? null,
    });
    if (rule === 'public') return true;
    if (!caller) {
      throw httpError(
        'http.unauthorized',
        'Log in and send the access token as "Authorization: Bearer …".',
        { headers: { 'WWW-Authenticate': 'Bearer' } },
      );
    }
    if (rule === undefined || (rule === 'admin' && caller.person.role !== 'admin')) {
      throw httpError('http.forbidden', 'This account may not do that.');
    }
    request.caller = caller;
    this.open.watch(context.switchToHttp().getResponse<Response>(), caller);
    return true;
  }

  private async find(
    context: ExecutionContext,
    rule: AccessRule | undefined,
  ): Promise<Caller | undefined> {
    const request = context.switchToHttp().getRequest<CallerRequest>();
    const header = request.headers.authorization;
    if (header !== undefined) {
      const token = BEARER.exec(header)?.[1];
      return token === undefined
        ? undefined
        : this.callers.find(token, () => this.readAhead(context));
    }
    if (rule !== 'stream') return undefined;
    const person = await this.streams.findPerson(request);
    if (!person || !(await this.people.isActive(person.id))) return undefined;
    this.readAhead(context);
    return { person };
  }

  /** A failure is the route's, which waits for the reading. */
  private readAhead(context: ExecutionContext): void {
    const request = context.switchToHttp().getRequest<AheadRequest>();
    const reader = this.reflector.get<Type<AheadReader> | undefined>(
      READ_AHEAD_METADATA,
      context.getHandler(),
    );
    if (!reader) return;
    request.ahead = this.modules.get(reader, { strict: false }).read(String(request.params['id']));
    request.ahead.catch(() => undefined);
  }
}
