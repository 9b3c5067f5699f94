/** Starts the stand-ins of the outside tools in this process, each on a port of 127.0.0.1. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { StandIn } from './server.js';
import { createTripo } from './tripo.js';

/** Tripo's keys begin so; this one opens nothing but this stand-in. */
const TRIPO_KEY = 'tsk_stand-in';

/** The command line of whichever program hosts them. */
export const STAND_IN_OPTIONS = {
  'tripo-port': { type: 'string', default: '0' },
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
  return { tripo: await listen(tripo, values['tripo-port']), tripoKey: TRIPO_KEY };
};

const listen = async ({ server }: StandIn, port: string): Promise<string> => {
  server.listen(Number(port), '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
