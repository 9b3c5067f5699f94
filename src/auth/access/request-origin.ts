import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { ClsService } from 'nestjs-cls';

export interface Origin {
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
  /** Who is calling, where that is known. */
  readonly personId: string | null;
  readonly sessionId: string | null;
}

const NOWHERE: Origin = {
  ip: null,
  userAgent: null,
  requestId: null,
  personId: null,
  sessionId: null,
};
const KEY = 'auth.origin';
const USER_AGENT_LENGTH = 200;

/** Printable text only: PostgreSQL refuses NUL and nobody wants to read the rest. */
const printable = (text: string): string => text.replace(/\p{C}/gu, '').slice(0, USER_AGENT_LENGTH);

/** Where the request at hand comes from; all null outside a request. */
@Injectable()
export class RequestOrigin {
  constructor(private readonly cls: ClsService) {}

  get current(): Origin {
    const origin: unknown = this.cls.isActive() ? this.cls.get(KEY) : undefined;
    return (origin as Origin | undefined) ?? NOWHERE;
  }

  /** Called by the guard, for every request that reaches a route. */
  remember(request: Request, caller: Pick<Origin, 'personId' | 'sessionId'>): void {
    if (!this.cls.isActive()) return;
    const { id } = request as Request & { id?: unknown };
    this.cls.set<Origin>(KEY, {
      ip: request.ip ?? null,
      userAgent: printable(request.get('user-agent') ?? '') || null,
      requestId: typeof id === 'string' ? id : null,
      ...caller,
    });
  }
}
