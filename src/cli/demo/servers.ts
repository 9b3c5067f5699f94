import { readCommandSettings, type Environment } from '../../config/index.js';
import { readRuntime } from '../../embedded/index.js';
import { CommandFailed } from '../command.js';
import { startOwnServer } from './own-server.js';

/** The server that the demo talks to. */
export interface DemoServer {
  readonly apiUrl: string;
  readonly mailboxUrl: string;
  /** How it was found, for the person. */
  readonly origin: string;
  /** Ends it if the demo started it. */
  stop(): Promise<void>;
}

type Addresses = Pick<DemoServer, 'apiUrl' | 'mailboxUrl'>;

const DEFAULT_MAILBOX_PORT = 8005;
const LOOK_MS = 3_000;
const TITLE = 'House of Models API';

const ask = async (url: string): Promise<unknown> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(LOOK_MS) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
};

const isHouse = async (url: string): Promise<boolean> => {
  const document = (await ask(`${url}/openapi.json`)) as { info?: { title?: string } } | undefined;
  return document?.info?.title === TITLE;
};

const isMailbox = async (url: string): Promise<boolean> => {
  const store = (await ask(`${url}/store`)) as { emails?: unknown } | undefined;
  return Array.isArray(store?.emails);
};

const isRunning = async ({ apiUrl, mailboxUrl }: Addresses): Promise<boolean> =>
  (await isHouse(apiUrl)) && (await isMailbox(mailboxUrl));

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

/**
 * The server at API_URL, else the one whose DATA_DIR/runtime.json is true, else the one at PORT,
 * else one of its own that is stopped at the end. Throws CommandFailed when API_URL is named and
 * cannot be used.
 */
export const findServer = async (
  environment: Environment,
  signal: AbortSignal,
): Promise<DemoServer> => {
  const settings = readCommandSettings(environment);
  const atPort: Addresses = {
    apiUrl: `http://localhost:${settings.port}`,
    mailboxUrl:
      settings.mailboxUrl ?? `http://localhost:${settings.mailboxPort ?? DEFAULT_MAILBOX_PORT}`,
  };
  const foreign = { stop: () => Promise.resolve() };
  const runtime = await readRuntime(settings.dataDir).catch(() => undefined);
  const atHome: Addresses = {
    apiUrl: text(runtime?.['apiUrl']) ?? atPort.apiUrl,
    mailboxUrl: settings.mailboxUrl ?? text(runtime?.['mailboxUrl']) ?? atPort.mailboxUrl,
  };
  if (settings.apiUrl) {
    const named = { apiUrl: settings.apiUrl, mailboxUrl: atHome.mailboxUrl };
    if (!(await isHouse(named.apiUrl))) {
      throw new CommandFailed(`No House of Models API answers at API_URL (${named.apiUrl}).`);
    }
    if (!(await isMailbox(named.mailboxUrl))) {
      throw new CommandFailed(
        `No mailbox answers at ${named.mailboxUrl}; set MAILBOX_URL to the one that gets this server's mails.`,
      );
    }
    return { ...named, origin: 'API_URL', ...foreign };
  }
  if (runtime && (await isRunning(atHome))) {
    return { ...atHome, origin: settings.dataDir, ...foreign };
  }
  if (await isRunning(atPort)) return { ...atPort, origin: `port ${settings.port}`, ...foreign };
  return startOwnServer(environment, signal);
};
