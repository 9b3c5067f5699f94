import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import type { Person } from '../people/person.js';

/** What the guard learnt about the caller, kept on the request. */
export interface Caller {
  readonly person: Person;
  /** Absent for API keys and stream tokens. */
  readonly sessionId?: string;
  /** Only for API keys. */
  readonly apiKeyId?: string;
}

export type CallerRequest = Request & { caller?: Caller };

const callerOf = (context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<CallerRequest>();
  if (!caller) throw new Error('A public route asks for the person who calls it.');
  return caller;
};

/** The {@link Person} who calls; only on routes that are not public. */
export const CurrentPerson = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Person => callerOf(context).person,
);

/** The id of the session that the caller's access token belongs to; undefined for an API key. */
export const CurrentSessionId = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string | undefined => callerOf(context).sessionId,
);
