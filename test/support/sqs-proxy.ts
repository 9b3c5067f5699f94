import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

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

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

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
    const body = await bodyOf(request);
    const [status, text] = await (isBatch ? sendBatch : forward)(request, body);
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(text);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
};
