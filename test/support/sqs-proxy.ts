import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { serveLocally } from './local-server.js';

/** Which mails of a batch SQS refuses; 'away' refuses the whole call. */
export type Refusal = (emailIds: readonly string[], call: number) => readonly string[] | 'away';

export interface SqsProxy {
  readonly url: string;
  /** The mails of each SendMessageBatch that came, in order, whatever became of it. */
  readonly batches: (readonly string[])[];
  /** By default none. */
  refuse: Refusal;
  close(): Promise<void>;
}

interface Entry {
  readonly Id: string;
  readonly MessageBody: string;
}

const emailIdOf = ({ MessageBody }: Entry): string =>
  (JSON.parse(MessageBody) as { emailId: string }).emailId;

/** Stands before the SQS stand-in at `target` and refuses parts of batches as SQS does: in an answer of 200. */
export const startSqsProxy = async (target: string): Promise<SqsProxy> => {
  const state: Omit<SqsProxy, 'url' | 'close'> = { batches: [], refuse: () => [] };
  const forward = async (request: IncomingMessage, body: string): Promise<[number, string]> => {
    const answer = await fetch(target, {
      method: 'POST',
      headers: {
        'content-type': request.headers['content-type'] ?? '',
        'x-amz-target': String(request.headers['x-amz-target']),
        authorization: request.headers.authorization ?? '',
      },
      body,
    });
    return [answer.status, await answer.text()];
  };
  const sendBatch = async (request: IncomingMessage, text: string): Promise<[number, string]> => {
    const body = JSON.parse(text) as { QueueUrl: string; Entries: Entry[] };
    const ids = body.Entries.map(emailIdOf);
    const refused = state.refuse(ids, state.batches.push(ids) - 1);
    if (refused === 'away') return [503, '{"__type":"ServiceUnavailable"}'];
    const isRefused = (entry: Entry): boolean => refused.includes(emailIdOf(entry));
    const Failed = body.Entries.filter(isRefused).map(({ Id }) => ({
      Id,
      SenderFault: false,
      Code: 'InternalError',
      Message: 'Refused.',
    }));
    const Entries = body.Entries.filter((entry) => !isRefused(entry));
    if (Entries.length === 0) return [200, JSON.stringify({ Successful: [], Failed })];
    const [status, answer] = await forward(request, JSON.stringify({ ...body, Entries }));
    return [status, JSON.stringify({ ...(JSON.parse(answer) as object), Failed })];
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const isBatch = request.headers['x-amz-target'] === 'AmazonSQS.SendMessageBatch';
    const body = await text(request);
    const [status, reply] = await (isBatch ? sendBatch : forward)(request, body);
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(reply);
  };
  return Object.assign(state, await serveLocally(answer));
};
