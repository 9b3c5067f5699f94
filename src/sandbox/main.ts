/**
 * The sandbox ComfyUI: a standalone server that speaks the real HTTP and websocket contract and
 * executes graphs with honest cheap picture operations. See docs/architecture.md, "The sandbox".
 *
 *   node main.js --port 0 --host 127.0.0.1 --data-dir <folder> [--parent-pipe] [--control]
 *                [--execution-log <file>] [--gpu-ms <n>] [--preview-method <name>] [--max-upload-size <MB>]
 *                [--tools-dir <folder> and the options of tools/stand-ins.ts]
 *
 * Prints one JSON line `{"listening":"http://…"}` once it answers. With `--tools-dir` the stand-ins of
 * the outside tools live in this process too, and the line has their addresses. With `--parent-pipe` it ends
 * when its stdin does, so it never outlives its parent. `--control` adds the tests' own routes and
 * nodes, `--execution-log` keeps what they tell of executions over a kill. `--gpu-ms` lets every sampler take that long and paint plainly, for load tests.
 */
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { createSandbox } from './sandbox.js';
import { STAND_IN_OPTIONS, startStandIns } from './tools/stand-ins.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8188' },
    host: { type: 'string', default: '127.0.0.1' },
    'data-dir': { type: 'string' },
    'parent-pipe': { type: 'boolean', default: false },
    control: { type: 'boolean', default: false },
    'execution-log': { type: 'string' },
    'gpu-ms': { type: 'string' },
    'preview-method': { type: 'string', default: 'none' },
    'max-upload-size': { type: 'string', default: '100' },
    'tools-dir': { type: 'string' },
    ...STAND_IN_OPTIONS,
  },
});

const dataDir = values['data-dir'];
if (dataDir === undefined) throw new Error('--data-dir is required');

const server = createSandbox({
  dataDir,
  hasControl: values.control,
  executionLog: values['execution-log'],
  gpuMs: values['gpu-ms'] === undefined ? undefined : Number(values['gpu-ms']),
  previewMethod: values['preview-method'],
  maxBodyBytes: Number(values['max-upload-size']) * 1024 * 1024,
  argv: process.argv.slice(1),
});

if (values['parent-pipe']) {
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
  process.stdin.on('error', () => process.exit(0));
}

const folder = values['tools-dir'];
const standIns =
  folder === undefined ? {} : await startStandIns({ folder, hasControl: values.control, values });

server.listen(Number(values.port), values.host, () => {
  const { address, port, family } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  console.log(JSON.stringify({ listening: `http://${host}:${port}`, ...standIns }));
});
