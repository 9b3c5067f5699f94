/**
 * The stand-ins of the outside tools as a program of their own, for tests and for an installation
 * with a ComfyUI of its own; otherwise the sandbox ComfyUI's process hosts them.
 *
 *   node main.js --data-dir <folder> [--parent-pipe] [--control] [the options of stand-ins.ts]
 *
 * Prints one JSON line with the address of each once they answer. With `--parent-pipe` it ends when
 * its stdin does. `--control` adds the log of calls and the scripted faults of the tests.
 */
import { parseArgs } from 'node:util';
import { STAND_IN_OPTIONS, startStandIns } from './stand-ins.js';

const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string' },
    'parent-pipe': { type: 'boolean', default: false },
    control: { type: 'boolean', default: false },
    ...STAND_IN_OPTIONS,
  },
});

const folder = values['data-dir'];
if (folder === undefined) throw new Error('--data-dir is required');

if (values['parent-pipe']) {
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
  process.stdin.on('error', () => process.exit(0));
}

console.log(JSON.stringify(await startStandIns({ folder, hasControl: values.control, values })));
