import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const REQUEST_ID = /^[\w.-]{1,64}$/;

/**
 * The request's id: the client's own `X-Request-Id` where it is one, else a new one; the answer says
 * it too. Safe to repeat.
 */
export const requestIdOf = (
  request: IncomingMessage & { id?: unknown },
  response: ServerResponse,
): string => {
  if (typeof request.id === 'string') return request.id;
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
  request.id = id;
  response.setHeader('X-Request-Id', id);
  return id;
};

/** The first middleware of all, so that a body that cannot be parsed is answered with its id too. */
export const identifyRequest = (
  request: IncomingMessage,
  response: ServerResponse,
  next: () => void,
): void => {
  requestIdOf(request, response);
  next();
};
