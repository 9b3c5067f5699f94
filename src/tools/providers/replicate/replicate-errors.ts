import { textOf } from '../json.js';
import type { Explanation } from '../provider-http.js';
import { ProviderError, type ProviderErrorKind } from '../provider.js';

/** What a refusal's HTTP status means to us where the status alone would say something else. */
export const REPLICATE_STATUSES: Readonly<Record<number, ProviderErrorKind>> = {
  400: 'invalid',
  401: 'auth',
  402: 'no-credit',
  403: 'auth',
  404: 'not-found',
  413: 'invalid',
  422: 'invalid',
  429: 'throttled',
};

/** A version that is not there or not ours is the operator's matter, not that of the order. */
const VERSION = /version.*(does not exist|not permitted)|permission to use/i;

/**
 * What the text of a failed prediction means. Some begin with a code of Replicate's (E####), the rest
 * is the model's own words. The first line that fits holds; without one the model simply failed.
 */
export const REPLICATE_TEXTS: readonly (readonly [RegExp, ProviderErrorKind])[] = [
  [/nsfw|flagged as sensitive|\bE005\b|content policy|safety checker/i, 'moderated'],
  [/input validation|cannot identify image|invalid image|image file is truncated/i, 'invalid'],
];

export const explainReplicate = (status: number, body: unknown): Explanation | undefined => {
  if (status < 400) return undefined;
  const detail = textOf(body, 'detail') ?? textOf(body, 'title');
  const isVersion = VERSION.test(`${textOf(body, 'title') ?? ''} ${detail ?? ''}`);
  const kind = isVersion ? 'auth' : REPLICATE_STATUSES[status];
  if (kind === undefined) return undefined;
  return { kind, code: status, ...(detail !== undefined && { message: detail.slice(0, 300) }) };
};

/** Why a prediction that was accepted failed. */
export const explainPrediction = (text: string | undefined): ProviderError => {
  const kind = REPLICATE_TEXTS.find(([pattern]) => pattern.test(text ?? ''))?.[1] ?? 'failed';
  const code = /\bE\d{3,4}\b/.exec(text ?? '')?.[0];
  return new ProviderError(kind, text?.slice(0, 300) ?? 'The prediction gave no reason.', {
    ...(code !== undefined && { code }),
  });
};
