import { expect, it } from 'vitest';
import { explainEvent } from './gradio-errors.js';

it.each([
  [
    'You have exceeded your GPU quota (46s left vs. 60s requested). Sign-up or retry in 0:09:48.',
    588,
  ],
  ['You have exceeded your free ZeroGPU quota. Try again in 23:59:59', 86_399],
  ['You have exceeded your GPU quota. Try again in 1 day, 0:00:10', 86_410],
  ['You have exceeded your GPU quota (60s requested vs. 46s left).', undefined],
])('reads from %j how long to wait', (text, seconds) => {
  expect(explainEvent(text)).toMatchObject({ kind: 'no-credit', retryAfterSeconds: seconds });
});
