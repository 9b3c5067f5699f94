import path from 'node:path';
import { rememberedPorts, rememberPorts, type RememberedPorts } from './data-dir.js';
import { keep, type Kept, type Mortal } from './kept.js';
import { startNodeService, type NodeService } from './node-service.js';
import { freePort } from './ports.js';
import { startPostgres } from './postgres.js';
import { REGION, type PortWish, type ServicesOptions } from './services-protocol.js';

/** What can be started inside. */
export type EmbeddedService = 'postgres' | 'sqs' | 'ses' | 'comfyui' | 'tripo' | 'tryon';

export interface EmbeddedOptions {
  /** The caller holds its lock: see lockDataDir. */
  dataDir: string;
  services: readonly EmbeddedService[];
  /** Set: taken is a boot error. Undefined: 8005, or the next one that is free. */
  mailboxPort: number | undefined;
  /** The mailbox, where it may choose, leaves this port alone. */
  apiPort?: number;
  /** Which stand-in the try-on gets; default: Replicate's, whose tasks outlive a crash. */
  tryOnProvider?: string | undefined;
  /** Gives the sandbox ComfyUI its scripted faults, for tests. */
  control?: boolean;
  log?: (line: string) => void;
}

type CrashListener = (service: EmbeddedService, detail: string) => void;

export interface Embedded {
  /**
   * Environment variables that point the product at what was started. What the real environment
   * names comes before them: its AWS credentials may be for the one service that is not inside.
   */
  environment: Record<string, string>;
  /** The process ids that run now, by service. */
  pids(): Record<string, number>;
  /** Stops everything, the database last; within 8 s, no child is left. Repeating is harmless. */
  stop(): Promise<void>;
  /** Called when a service ends by itself. It is started again, at the same address. */
  onCrash(listener: CrashListener): void;
}

const DEFAULT_MAILBOX_PORT = 8005;
/** How long the holder of a remembered port, perhaps our own of an earlier run, may take to go. */
const PORT_PATIENCE_MS = 2_000;

interface Started {
  name: EmbeddedService;
  kept: Kept<Mortal & { pid: number }>;
  environment: Record<string, string>;
  ports?: RememberedPorts;
}

type Crash = (name: EmbeddedService) => (detail: string) => void;

async function postgres({ dataDir }: EmbeddedOptions, crash: Crash): Promise<Started> {
  const folder = path.join(dataDir, 'postgres');
  const logFile = path.join(dataDir, 'logs', 'postgres.log');
  const kept = await keep(
    async (last?: Awaited<ReturnType<typeof startPostgres>>) =>
      startPostgres({ folder, logFile, port: last?.port }),
    crash('postgres'),
  );
  return { name: 'postgres', kept, environment: { DATABASE_URL: kept.current().url() } };
}

/** A small heap for what moves kilobytes, and room for the mails with pictures that it holds. */
const SERVICES_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=4',
  '--max-old-space-size=256',
];

async function standIns(
  { dataDir, services, mailboxPort, apiPort }: EmbeddedOptions,
  { sqs: rememberedPort = 0 }: RememberedPorts,
  crash: Crash,
): Promise<Started> {
  const wishes: Record<'sqs' | 'mailbox', PortWish> = {
    sqs: { port: rememberedPort, isFixed: false },
    mailbox: { port: mailboxPort ?? DEFAULT_MAILBOX_PORT, isFixed: mailboxPort !== undefined },
  };
  const start = async (last?: NodeService): Promise<NodeService> => {
    const wish = (name: 'sqs' | 'mailbox'): PortWish =>
      last ? { port: portOf(last.ready[name]), isFixed: true } : wishes[name];
    const options: ServicesOptions = {
      dataDir,
      ...(services.includes('sqs') && { sqs: wish('sqs') }),
      ...(services.includes('ses') && { mailbox: wish('mailbox') }),
      ...(apiPort !== undefined && { notPort: apiPort }),
    };
    return startNodeService({
      program: 'embedded/services.js',
      nodeFlags: SERVICES_FLAGS,
      args: [JSON.stringify(options)],
      logFile: path.join(dataDir, 'logs', 'services.log'),
    });
  };
  const name = services.includes('sqs') ? 'sqs' : 'ses';
  const kept = await keep(start, crash(name));
  const { sqs, queueUrl, mailbox } = kept.current().ready;
  return {
    name,
    kept,
    environment: {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: 'embedded',
      AWS_SECRET_ACCESS_KEY: 'embedded',
      ...(sqs && queueUrl && { SQS_ENDPOINT: sqs, SQS_QUEUE_URL: queueUrl }),
      ...(mailbox && { SES_ENDPOINT: mailbox, MAILBOX_URL: mailbox }),
    },
    ...(sqs && { ports: { sqs: portOf(sqs) } }),
  };
}

async function comfyui(
  options: EmbeddedOptions,
  remembered: RememberedPorts,
  crash: Crash,
): Promise<Started> {
  const { dataDir, control } = options;
  const start = async (last?: NodeService): Promise<NodeService> => {
    const wish = last ? portOf(last.ready['listening']) : remembered.comfyui;
    const port = last || !wish ? wish : await freePort(wish, PORT_PATIENCE_MS);
    return startNodeService({
      program: 'sandbox/main.js',
      args: [
        `--port=${port ?? 0}`,
        '--host=127.0.0.1',
        `--data-dir=${path.join(dataDir, 'comfyui')}`,
        '--parent-pipe',
        ...(control ? ['--control'] : []),
        ...(hasTools(options)
          ? [`--tools-dir=${path.join(dataDir, 'tools')}`, ...toolPorts(last)]
          : []),
      ],
      logFile: path.join(dataDir, 'logs', 'comfyui.log'),
    });
  };
  const kept = await keep(start, crash('comfyui'));
  const url = kept.current().ready['listening'] ?? '';
  return {
    name: 'comfyui',
    kept,
    environment: {
      COMFYUI_URLS: url,
      COMFYUI_DIRS: path.join(dataDir, 'comfyui'),
      ...toolEnvironment(options, kept.current().ready),
    },
    ports: { comfyui: portOf(url) },
  };
}

/**
 * The outside tools' stand-ins in a process of their own: only where the sandbox ComfyUI, which
 * hosts them otherwise, is not started.
 */
async function tools(options: EmbeddedOptions, crash: Crash): Promise<Started> {
  const { dataDir, services, control } = options;
  const start = async (last?: NodeService): Promise<NodeService> =>
    startNodeService({
      program: 'sandbox/tools/main.js',
      args: [
        `--data-dir=${path.join(dataDir, 'tools')}`,
        '--parent-pipe',
        ...toolPorts(last),
        ...(control ? ['--control'] : []),
      ],
      logFile: path.join(dataDir, 'logs', 'tools.log'),
    });
  const name = services.includes('tripo') ? 'tripo' : 'tryon';
  const kept = await keep(start, crash(name));
  return { name, kept, environment: toolEnvironment(options, kept.current().ready) };
}

const hasTools = ({ services }: EmbeddedOptions): boolean =>
  services.includes('tripo') || services.includes('tryon');

/** After a crash they have the ports that they had. */
const toolPorts = (last?: NodeService): string[] =>
  last
    ? ['tripo', 'gradio', 'replicate'].map((name) => `--${name}-port=${portOf(last.ready[name])}`)
    : [];

const toolEnvironment = (
  { services, tryOnProvider }: EmbeddedOptions,
  { tripo, tripoKey, gradio, replicate, replicateToken }: NodeService['ready'],
): Record<string, string> => ({
  ...(services.includes('tripo') &&
    tripo &&
    tripoKey && { TRIPO_BASE_URL: `${tripo}/v3`, TRIPO_API_KEY: tripoKey }),
  ...(services.includes('tryon') &&
    gradio &&
    tryOnProvider === 'gradio' && { TRYON_PROVIDER: 'gradio', TRYON_URL: gradio }),
  ...(services.includes('tryon') &&
    replicate &&
    replicateToken &&
    tryOnProvider !== 'gradio' && {
      TRYON_PROVIDER: 'replicate',
      TRYON_URL: `${replicate}/v1`,
      TRYON_TOKEN: replicateToken,
    }),
});

const portOf = (url = ''): number => Number(new URL(url).port);

/**
 * Starts the services named, all at once, as children on 127.0.0.1 that end with this process, also
 * by `kill -9`. When one cannot start, the others are stopped and its EmbeddedError is thrown.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const { services, log = () => undefined } = options;
  const dataDir = path.resolve(options.dataDir);
  const resolved = { ...options, dataDir };
  const listeners = new Set<CrashListener>();
  const crash: Crash = (name) => (detail) => {
    log(`${name} ${detail}`);
    for (const listener of listeners) listener(name, detail);
  };
  const remembered = await rememberedPorts(dataDir);
  const wanted = [
    services.includes('comfyui') && comfyui(resolved, remembered, crash),
    (services.includes('sqs') || services.includes('ses')) && standIns(resolved, remembered, crash),
    hasTools(resolved) && !services.includes('comfyui') && tools(resolved, crash),
    services.includes('postgres') && postgres(resolved, crash),
  ];
  const outcomes = await Promise.allSettled(wanted.filter((start) => start !== false));
  const started = outcomes.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  );
  const stop = async (): Promise<void> => {
    const [last, rest] = [started.filter(isDatabase), started.filter((one) => !isDatabase(one))];
    await Promise.all(rest.map(({ kept }) => kept.stop()));
    await Promise.all(last.map(({ kept }) => kept.stop()));
  };
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure) {
    await stop();
    throw failure.reason;
  }
  await rememberPorts(dataDir, Object.assign({}, ...started.map(({ ports }) => ports)));
  return {
    environment: Object.assign({}, ...started.map(({ environment }) => environment)),
    pids: () => Object.fromEntries(started.map(({ name, kept }) => [name, kept.current().pid])),
    stop,
    onCrash: (listener) => void listeners.add(listener),
  };
}

const isDatabase = ({ name }: Started): boolean => name === 'postgres';
