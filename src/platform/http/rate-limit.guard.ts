import { isIPv6 } from 'node:net';
import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import { policyHeader, RateLimits, type Limit } from './rate-limits.js';

/** A limit and whom it counts; a request without such a subject is not counted. */
export interface RouteLimit extends Limit {
  readonly per: (request: Request) => string | undefined;
}

const METADATA = 'rateLimits';

/**
 * Limits how often a route may be called, each limit on its own; the first that is used up answers 429:
 * `@RateLimit({ name: 'login', quota: 20, windowSeconds: 900, per: network })`.
 */
export const RateLimit = (...limits: readonly RouteLimit[]) => SetMetadata(METADATA, limits);

/**
 * The caller's network: an IPv4 address, or the /64 of an IPv6 one, since a single customer owns all
 * of it. TRUST_PROXY says how many proxies are believed about it.
 */
export const network = (request: Request): string => {
  const address = (request.ip ?? '').replace(/^::ffff:(?=\d+\.)/, '');
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined) return left.slice(0, 4).join(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return [...left, ...zeros, ...right].slice(0, 4).join(':');
};

/** Enforces `@RateLimit`. Bound globally, after the guard that knows who is calling. */
@Injectable()
export class RateLimitGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly limits: RateLimits,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const limits = this.reflector.getAllAndOverride<readonly RouteLimit[] | undefined>(METADATA, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (!limits) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const scaled = limits.map((limit) => this.limits.scaled(limit));
    http.getResponse<Response>().set('RateLimit-Policy', policyHeader(scaled));
    for (const limit of limits) {
      const subject = limit.per(request);
      if (subject !== undefined) await this.limits.consume(limit, subject);
    }
    return true;
  }
}
