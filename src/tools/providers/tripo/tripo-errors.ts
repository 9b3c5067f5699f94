import type { Explanation } from '../provider-http.js';
import { field, numberOf, textOf } from '../json.js';
import type { ProviderErrorKind } from '../provider.js';

/** What each of Tripo's codes means to us; the same numbers in both of its dialects. */
export const TRIPO_ERRORS: Readonly<Record<number, ProviderErrorKind>> = {
  2: 'auth',
  1000: 'unavailable',
  1001: 'unavailable',
  1002: 'auth',
  1003: 'invalid',
  1004: 'invalid',
  1005: 'not-offered',
  1007: 'throttled',
  2000: 'throttled',
  2001: 'not-found',
  2002: 'not-offered',
  2003: 'invalid',
  2004: 'invalid',
  2005: 'invalid',
  2006: 'invalid',
  2007: 'invalid',
  2008: 'moderated',
  2009: 'invalid',
  2010: 'no-credit',
  2011: 'invalid',
  2012: 'invalid',
  2013: 'not-offered',
  // Its moderation service failed: nothing was accepted, and later it may be.
  2014: 'unchecked',
  2015: 'not-offered',
  2016: 'not-offered',
  2017: 'not-offered',
  2018: 'invalid',
  2019: 'not-found',
  2021: 'invalid',
  2022: 'invalid',
};

const NO_SUCH_ROUTE = new Set([404, 405]);

/** Success is a 2xx whose `code` is 0; the HTTP status alone does not say it. */
export const explainTripo = (status: number, body: unknown): Explanation | undefined => {
  // Without JSON it is not Tripo that answers: nothing of it is at the address.
  if (body === undefined)
    return NO_SUCH_ROUTE.has(status) ? { kind: 'auth', code: status } : undefined;
  const code = numberOf(body, 'code');
  const isSuccess = status < 400 && (code === 0 || (code === undefined && field(body, 'data')));
  if (isSuccess) return undefined;
  if (code === undefined || code === 0) return status < 400 ? { kind: 'unavailable' } : undefined;
  const message = textOf(body, 'message');
  const kind = kindOf(status, code);
  return { kind, code, ...(message !== undefined && { message }) };
};

const kindOf = (status: number, code: number): ProviderErrorKind => {
  // A refused key comes with one of two codes: the status decides.
  if (status === 401) return 'auth';
  const known = TRIPO_ERRORS[code];
  if (known) return known;
  return status >= 500 || code >= 9_000 ? 'unavailable' : 'invalid';
};

/** Why an accepted task failed. A code means the same there, but the create is behind us. */
export const explainFailedTask = (code: number | undefined): ProviderErrorKind => {
  if (code === undefined) return 'failed';
  const kind = TRIPO_ERRORS[code];
  return kind === 'moderated' || kind === 'invalid' || kind === 'not-offered' ? kind : 'failed';
};
