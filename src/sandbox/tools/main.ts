/**
 * The stand-ins of the outside tools, standalone servers with their providers' HTTP contracts.
 *
 *   node main.js --data-dir <folder> [--tripo-port 0] [--gradio-port 0] [--parent-pipe] [--control]
 *                [--task-ms <n>] [--link-seconds <n>]
 *
 * Prints one JSON line with the address of each once they answer. With `--parent-pipe` it ends when
 * its stdin does. `--control` adds the log of calls and the scripted faults of the tests.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { StandIn } from './server.js';
import { createTripo } from './tripo.js';

/** Tripo's keys begin so; this one opens nothing but this stand-in. */
const TRIPO_KEY = 'tsk_stand-in';

const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string' },
    'tripo-port': { type: 'string', default: '0' },
    'parent-pipe': { type: 'boolean', default: false },
    control: { type: 'boolean', default: false },
    'task-ms': { type: 'string', default: '4000' },
    'link-seconds': { type: 'string', default: '300' },
  },
});

const dataDir = values['data-dir'];
if (dataDir === undefined) throw new Error('--data-dir is required');

if (values['parent-pipe']) {
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
  process.stdin.on('error', () => process.exit(0));
}

const listen = async ({ server }: StandIn, port: string): Promise<string> => {
  server.listen(Number(port), '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const shared = { hasControl: values.control, taskMs: Number(values['task-ms']) };
const tripo = createTripo({
  ...shared,
  folder: path.join(dataDir, 'tripo'),
  apiKey: TRIPO_KEY,
  linkSeconds: Number(values['link-seconds']),
});

console.log(
  JSON.stringify({ tripo: await listen(tripo, values['tripo-port']), tripoKey: TRIPO_KEY }),
);
