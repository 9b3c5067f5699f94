/** Starts the stand-ins of the outside tools in this process, each on a port of 127.0.0.1. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createGradio } from './gradio.js';
import { createReplicate } from './replicate.js';
import type { StandIn } from './server.js';
import { createTripo } from './tripo.js';
import { TryOnPainter } from './try-on-painter.js';

/** The providers' keys begin so; these open nothing but these stand-ins. */
const TRIPO_KEY = 'tsk_stand-in';
const REPLICATE_TOKEN = 'r8_stand-in';

/** The command line of whichever program hosts them. */
export const STAND_IN_OPTIONS = {
  'tripo-port': { type: 'string', default: '0' },
  'gradio-port': { type: 'string', default: '0' },
  'gradio-version': { type: 'string', default: '6.25.0' },
  'replicate-port': { type: 'string', default: '0' },
  'task-ms': { type: 'string', default: '4000' },
  'link-seconds': { type: 'string', default: '300' },
} as const;

export interface StandInOptions {
  /** Where each keeps what it accepted. */
  readonly folder: string;
  readonly hasControl: boolean;
  readonly values: Readonly<Record<keyof typeof STAND_IN_OPTIONS, string>>;
}

/** The address of each, and the keys that they take, by name. */
export const startStandIns = async (options: StandInOptions): Promise<Record<string, string>> => {
  const { folder, hasControl, values } = options;
  const shared = { hasControl, taskMs: Number(values['task-ms']) };
  const tripo = createTripo({
    ...shared,
    folder: path.join(folder, 'tripo'),
    apiKey: TRIPO_KEY,
    linkSeconds: Number(values['link-seconds']),
  });
  const painter = new TryOnPainter();
  const gradio = createGradio({
    ...shared,
    folder: path.join(folder, 'gradio'),
    version: values['gradio-version'] === '4.24.0' ? '4.24.0' : '6.25.0',
    painter,
  });
  const replicate = createReplicate({
    ...shared,
    folder: path.join(folder, 'replicate'),
    token: REPLICATE_TOKEN,
    linkSeconds: Number(values['link-seconds']),
    painter,
  });
  return {
    tripo: await listen(tripo, values['tripo-port']),
    tripoKey: TRIPO_KEY,
    gradio: await listen(gradio, values['gradio-port']),
    replicate: await listen(replicate, values['replicate-port']),
    replicateToken: REPLICATE_TOKEN,
  };
};

const listen = async ({ server }: StandIn, port: string): Promise<string> => {
  server.listen(Number(port), '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
