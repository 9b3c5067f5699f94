import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Response } from 'express';
import { ACCESS_METADATA, httpError, type AccessRule } from '../../platform/index.js';
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
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<CallerRequest>();
    const rule = this.reflector.getAllAndOverride<AccessRule | undefined>(ACCESS_METADATA, [
      context.getHandler(),
      context.getClass(),
    ]);
    const caller = rule === 'public' ? undefined : await this.find(request, rule);
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
    request: CallerRequest,
    rule: AccessRule | undefined,
  ): Promise<Caller | undefined> {
    const header = request.headers.authorization;
    if (header !== undefined) {
      const token = BEARER.exec(header)?.[1];
      return token === undefined ? undefined : this.callers.find(token);
    }
    if (rule !== 'stream') return undefined;
    const person = await this.streams.findPerson(request);
    return person && (await this.people.isActive(person.id)) ? { person } : undefined;
  }
}
