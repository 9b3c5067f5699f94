import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { serveLocally } from './local-server.js';

/** What the proxy does with a call instead of, or besides, handing it to the stand-in. */
export type Fault =
  | { readonly kind: 'none' }
  /** Answers as SES does when it is called too often; nothing is stored. */
  | { readonly kind: 'throttle' }
  | { readonly kind: 'refuse'; readonly code: string; readonly status?: number }
  /** Hands it on, waits, then answers. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Hands it on and lets the answer get lost. */
  | { readonly kind: 'lose-answer' };

export interface SesProxy {
  readonly url: string;
  /** When each call came, in ms, whatever became of it. */
  readonly calls: number[];
  /** The raw MIME of every mail that was handed on. */
  readonly mimes: string[];
  /** Chooses the fault of each call; by default none. */
  plan: (call: number) => Fault;
  close(): Promise<void>;
}

const errorBody = (code: string, message: string): string =>
  `<ErrorResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><Error><Type>Sender</Type>` +
  `<Code>${code}</Code><Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`;

/** Stands before the SES stand-in at `target` and adds faults. */
export const startSesProxy = async (target: string): Promise<SesProxy> => {
  const state: Omit<SesProxy, 'url' | 'close'> = { calls: [], mimes: [], plan: () => NONE };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const fault = state.plan(state.calls.push(performance.now()) - 1);
    const fail = (status: number, code: string, message: string): void => {
      response.writeHead(status, { 'content-type': 'text/xml' }).end(errorBody(code, message));
    };
    if (fault.kind === 'throttle') {
      return fail(400, 'Throttling', 'Maximum sending rate exceeded.');
    }
    if (fault.kind === 'refuse') return fail(fault.status ?? 400, fault.code, 'Refused.');
    const data = new URLSearchParams(body.toString()).get('RawMessage.Data') ?? '';
    state.mimes.push(Buffer.from(data, 'base64').toString());
    const forwarded = await fetch(target, {
      method: 'POST',
      headers: {
        'content-type': request.headers['content-type'] ?? '',
        authorization: request.headers.authorization ?? '',
      },
      body: new Uint8Array(body),
    });
    const text = await forwarded.text();
    if (fault.kind === 'lose-answer') {
      response.destroy();
      return;
    }
    if (fault.kind === 'slow') await pause(fault.ms);
    response.writeHead(forwarded.status, { 'content-type': 'text/xml' }).end(text);
  };
  return Object.assign(state, await serveLocally(answer));
};

const NONE: Fault = { kind: 'none' };
