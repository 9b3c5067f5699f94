import { createHmac, timingSafeEqual } from 'node:crypto';
import { field, textOf } from '../json.js';

const MAX_AGE_SECONDS = 300;

/** A webhook as it came: the header Tripo-Webhook-Signature (`t=<unix>,v1=<hex>[,v1=…]`) and the body's bytes. */
export interface SignedBody {
  readonly header: string;
  readonly body: Buffer;
}

/**
 * Whether one of our secrets signed this body within the last five minutes. The key is the whole text
 * of a secret, with its `whsec_`; while secrets change there may be several signatures.
 */
export const isSigned = (
  { header, body }: SignedBody,
  secrets: readonly string[],
  nowSeconds = Date.now() / 1_000,
): boolean => {
  const parts = header.split(',').map((part) => part.trim().split('='));
  const valuesOf = (name: string) => parts.flatMap(([key, value]) => (key === name ? [value] : []));
  const [time] = valuesOf('t');
  if (time === undefined || !/^\d{1,12}$/.test(time)) return false;
  if (Math.abs(nowSeconds - Number(time)) > MAX_AGE_SECONDS) return false;
  const given = valuesOf('v1').map((value) => Buffer.from(value ?? '', 'hex'));
  return secrets.some((secret) => {
    const expected = createHmac('sha256', secret).update(`${time}.`).update(body).digest();
    return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
  });
};

/** What a webhook speaks of; sources differ about where the task's id is. */
export const readWebhook = (body: unknown): { type: string; taskId: string | undefined } => {
  const data = field(body, 'data');
  return {
    type: textOf(body, 'type') ?? '',
    taskId: textOf(data, 'task_id') ?? textOf(data, 'id') ?? textOf(body, 'task_id'),
  };
};
