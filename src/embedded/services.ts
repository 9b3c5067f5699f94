/**
 * A program of its own: the SQS and SES stand-ins in one small process, on 127.0.0.1 alone. Takes
 * its ServicesOptions as JSON in its only argument, prints one line of JSON when it is ready (or
 * `{"error"}`, one sentence, and ends), and ends when its stdin does.
 */
import { mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { Server } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tryLock } from './lock.js';
import { keepMails } from './mail-store.js';
import { LOOPBACK } from './ports.js';
import {
  REGION,
  type PortWish,
  type ServicesOptions,
  type ServicesReady,
} from './services-protocol.js';

const PATIENCE_MS = 5_000;
const NEXT_PORTS = 100;

/** fauxqs asks for every interface and offers no choice: in this process a server gets loopback. */
function listenOnLoopbackOnly(): void {
  const listen = Server.prototype.listen;
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    const [first, ...rest] = args;
    const isOptions = typeof first === 'object' && first !== null && 'port' in first;
    const safe = isOptions ? [{ ...first, host: LOOPBACK }, ...rest] : args;
    return Reflect.apply(listen, this, safe) as Server;
  };
}

/** The first port on which `listen` succeeds: the one wished for, then, if another will do, its `others`. */
async function onFirstFree<T>(
  name: string,
  { port, isFixed }: PortWish,
  others: readonly number[],
  listen: (port: number) => Promise<T | undefined>,
): Promise<T> {
  for (const candidate of isFixed ? [port] : [port, ...others]) {
    const server = await listen(candidate);
    if (server !== undefined) return server;
  }
  throw new Error(`${name} ${port} is already in use on ${LOOPBACK}.`);
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';

const QUEUE = 'mail';
const DEAD_LETTERS = 'mail-dead-letters';

/** SQS with its data in `folder`; returns its address. Makes the two queues if missing. */
async function startSqs(folder: string, wish: PortWish): Promise<string> {
  const { startFauxqs } = await import('fauxqs');
  const server = await onFirstFree('The port', wish, [0], async (port) => {
    try {
      return await startFauxqs({ port, logger: false, dataDir: folder, defaultRegion: REGION });
    } catch (error) {
      if (isTaken(error)) return undefined;
      throw error;
    }
  });
  // Making a queue again would empty it.
  if (!server.inspectQueue(DEAD_LETTERS)) server.createQueue(DEAD_LETTERS);
  if (!server.inspectQueue(QUEUE)) {
    const deadLetterTargetArn = server.inspectQueue(DEAD_LETTERS)?.arn;
    server.createQueue(QUEUE, {
      attributes: {
        VisibilityTimeout: '60',
        RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 5 }),
      },
    });
  }
  return `http://${LOOPBACK}:${server.port}`;
}

/** SES with the mails in `folder`; returns the address of its API, which is also the mailbox's. */
async function startSes(folder: string, wish: PortWish, notPort?: number): Promise<string> {
  keepMails(folder);
  const { default: ses } = await import('aws-ses-v2-local');
  const following = Array.from({ length: NEXT_PORTS }, (_, index) => wish.port + 1 + index);
  return onFirstFree('MAILBOX_PORT', wish, [...following, 0], async (port) => {
    if (port === notPort && !wish.isFixed) return undefined;
    // It resolves for a taken port as well, with a server that has no address.
    const address = (await ses.default({ port, host: LOOPBACK })).address();
    return typeof address === 'object' && address
      ? `http://${LOOPBACK}:${address.port}`
      : undefined;
  });
}

async function start({ dataDir, sqs, mailbox, notPort }: ServicesOptions): Promise<ServicesReady> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  // The process of an earlier run may be about to end: it must not write beside this one.
  if (!tryLock(path.join(dataDir, 'services.lock'), PATIENCE_MS)) {
    throw new Error('An earlier run still holds the mailbox and the queue.');
  }
  const [sqsUrl, mailboxUrl] = await Promise.all([
    sqs && startSqs(path.join(dataDir, 'sqs'), sqs),
    mailbox && startSes(path.join(dataDir, 'mail'), mailbox, notPort),
  ]);
  return {
    ...(sqsUrl && { sqs: sqsUrl, queueUrl: `${sqsUrl}/000000000000/${QUEUE}` }),
    ...(mailboxUrl && { mailbox: mailboxUrl }),
  };
}

// Everything that was answered is on disk already, so there is nothing to finish.
process.stdin.resume().once('close', () => process.exit());
listenOnLoopbackOnly();
enableCompileCache(fileURLToPath(new URL('../.compile-cache', import.meta.url)));
try {
  const ready = await start(JSON.parse(process.argv[2] ?? '{}') as ServicesOptions);
  console.log(JSON.stringify(ready));
} catch (error) {
  console.error(error);
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
  process.exitCode = 1;
  process.stdin.destroy();
}
