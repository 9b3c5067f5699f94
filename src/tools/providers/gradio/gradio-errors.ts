import { textOf } from '../json.js';
import type { Explanation } from '../provider-http.js';
import { ProviderError, type ProviderErrorKind } from '../provider.js';

/**
 * What a failed event's text means. Gradio has no codes: the text is the application's own, or that
 * of ZeroGPU, and often there is none. The first line that fits holds.
 */
export const GRADIO_TEXTS: readonly (readonly [RegExp, ProviderErrorKind])[] = [
  // The caller's daily seconds of GPU are used up: an account that is empty, for hours.
  [/(GPU|ZeroGPU) quota|quota exceeded/i, 'no-credit'],
  [/illegal duration|Expired ZeroGPU proxy token|invalid.{0,12}token/i, 'auth'],
  [/no GPU .{0,20}available|GPU task aborted|ZeroGPU worker error|queue is full/i, 'throttled'],
  // The application was started anew, or somebody listened before us: the event is gone.
  [/session not found|server stopped|event not found/i, 'not-found'],
  [/nsfw|safety checker|content policy|moderation/i, 'moderated'],
  [/cannot identify image|unidentifiedimage|invalid path|not a valid image/i, 'invalid'],
];

/** How long ZeroGPU says to wait: `retry in 0:09:48`, `Try again in 23:59:59`. */
const WAIT = /(?:retry|try again) in (?:(\d+) days?, )?(\d+):(\d{2}):(\d{2})/i;

const secondsIn = (text: string): number | undefined => {
  const [, days = '0', hours, minutes, seconds] = WAIT.exec(text) ?? [];
  if (hours === undefined) return undefined;
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
};

/**
 * Why an event failed, by what the application shows of it. Without a text the function itself failed,
 * as it does when it sees no person.
 */
export const explainEvent = (text: string | undefined): ProviderError => {
  if (text === undefined) return new ProviderError('failed', 'The application gave no reason.');
  const kind = GRADIO_TEXTS.find(([pattern]) => pattern.test(text))?.[1] ?? 'failed';
  const retryAfterSeconds = secondsIn(text);
  return new ProviderError(kind, withoutMarkup(text), {
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
};

/** ZeroGPU puts links into its messages. */
const withoutMarkup = (text: string): string => text.replace(/<[^>]*>/g, '').slice(0, 300);

/** A refusal over HTTP where the status alone does not say enough. */
export const explainGradio = (status: number, body: unknown): Explanation | undefined => {
  if (status < 400) return undefined;
  const detail = textOf(body, 'detail') ?? textOf(body, 'error');
  const message = detail === undefined ? {} : { message: withoutMarkup(detail) };
  if (status === 503 && /full/i.test(detail ?? '')) {
    return { kind: 'throttled', code: status, ...message };
  }
  return undefined;
};
