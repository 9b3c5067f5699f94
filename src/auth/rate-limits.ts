import type { Request } from 'express';
import { network, type RouteLimit } from '../platform/index.js';
import type { CallerRequest } from './access/current-person.js';
import { normaliseAddress } from './people/address.js';

const MINUTE = 60;

/** The address that a request names in its body, known or not. */
const address = (request: Request): string | undefined => {
  const body: unknown = request.body;
  const email: unknown = body !== null && typeof body === 'object' && 'email' in body && body.email;
  return typeof email === 'string' ? normaliseAddress(email) : undefined;
};

const person = (request: CallerRequest): string | undefined => request.caller?.person.id;

const addressAndNetwork = (request: Request): string | undefined => {
  const named = address(request);
  return named && `${named} ${network(request)}`;
};

/** Everything that sends a mail to an address somebody names: nobody's mailbox is to be flooded. */
export const MAIL_LIMITS: readonly RouteLimit[] = [
  { name: 'mails', quota: 10, windowSeconds: 60 * MINUTE, per: address },
  { name: 'mails-network', quota: 300, windowSeconds: 10 * MINUTE, per: network },
];

/**
 * Guessing passwords. Only wrong attempts stay counted. The narrow limit cannot be used by others to
 * lock a person out; the wide ones slow down many networks and many addresses.
 */
export const LOGIN_LIMITS: readonly RouteLimit[] = [
  { name: 'login', quota: 20, windowSeconds: 15 * MINUTE, per: addressAndNetwork },
  { name: 'login-address', quota: 200, windowSeconds: 60 * MINUTE, per: address },
  { name: 'login-network', quota: 300, windowSeconds: 15 * MINUTE, per: network },
];

/** Using a link, a one-time code or an ID token. */
export const TOKEN_LIMITS: readonly RouteLimit[] = [
  { name: 'tokens-network', quota: 300, windowSeconds: 10 * MINUTE, per: network },
];

export const REFRESH_LIMITS: readonly RouteLimit[] = [
  { name: 'refresh-network', quota: 2_000, windowSeconds: 10 * MINUTE, per: network },
];

/** Guessing the current password with a stolen access token. */
export const PASSWORD_LIMITS: readonly RouteLimit[] = [
  { name: 'current-password', quota: 10, windowSeconds: 15 * MINUTE, per: person },
];

/** HTTP Basic, where only the address is known. */
export const BASIC_LIMIT = { name: 'basic', quota: 50, windowSeconds: 15 * MINUTE };
