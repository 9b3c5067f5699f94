import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { startSandbox } from '../../support/sandbox.js';
import { readRecording } from './recording.js';
import { Replay } from './replay.js';
import { post, send } from './wire.js';

const PROGRAM = fileURLToPath(new URL('../../../dist/sandbox/main.js', import.meta.url));
const prompt = {
  '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 1 } },
  '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
};

/** Starts the server as any parent would, with what it printed first. */
const launch = async (args: readonly string[]) => {
  const child = spawn(process.execPath, [PROGRAM, '--port', '0', ...args]);
  const line = await new Promise<string>((resolve) =>
    child.stdout.once('data', (data: Buffer) => resolve(data.toString())),
  );
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, line, exited, url: (JSON.parse(line) as { listening: string }).listening };
};

const withFolder = async (use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'hom-process-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

describe('the process', () => {
  it('prints one line of JSON when it listens, and ends with its parent’s pipe', () =>
    withFolder(async (folder) => {
      const { child, line, exited, url } = await launch(['--data-dir', folder, '--parent-pipe']);
      expect(line).toMatch(/^\{"listening":"http:\/\/127\.0\.0\.1:\d+"\}\n$/);
      expect((await send(url, 'GET', '/system_stats')).text).toContain('"0.33.0"');
      child.stdin.end();
      expect(await exited).toBe(0);
    }));

  it('takes its picture process along when it is killed', () =>
    withFolder(async (folder) => {
      const { child, exited, url } = await launch(['--data-dir', folder]);
      await post(url, '/prompt', { prompt });
      await sleep(400);
      const workers = `/proc/${child.pid}/task/${child.pid}/children`;
      const worker = Number((await readFile(workers, 'utf8')).trim());
      expect(worker).toBeGreaterThan(0);
      child.kill('SIGKILL');
      await exited;
      // Z: ended, and not yet buried by the container's init.
      const state = () => readFile(`/proc/${worker}/stat`, 'utf8').catch(() => ') Z');
      await vi.waitFor(async () => expect(await state()).toContain(') Z'), 10_000);
    }));

  it('wipes temp at the start and keeps input and output', () =>
    withFolder(async (folder) => {
      const first = await launch(['--data-dir', folder]);
      for (const type of ['temp', 'input', 'output']) {
        await writeFile(path.join(folder, type, 'x.png'), '');
      }
      first.child.kill('SIGTERM');
      await first.exited;
      const second = await launch(['--data-dir', folder]);
      expect(await readdir(path.join(folder, 'temp'))).toEqual([]);
      expect(await readdir(path.join(folder, 'input'))).toEqual(['x.png']);
      expect(await readdir(path.join(folder, 'output'))).toEqual(['x.png']);
      second.child.kill();
    }));

  it('refuses bodies over the limit with 413 and the sizes', async () => {
    const sandbox = await startSandbox({ args: ['--max-upload-size', '1'] });
    const body = 'x'.repeat(1_100_195);
    const answer = await send(sandbox.url, 'POST', '/prompt', {}, body);
    expect([answer.status, answer.type]).toEqual([413, 'text/plain; charset=utf-8']);
    expect(answer.text).toBe(
      'Maximum request body size 1048576 exceeded, actual body size 1100195',
    );
    await sandbox.stop();
  });
});

describe('requests that harm a real server', () => {
  it.each(['o-1-same-id-and-number', 'o-4-null-workflow'])('harm alike: %s', async (scenario) => {
    const sandbox = await startSandbox({ control: true });
    const exchanges = await new Replay(readRecording(scenario), sandbox.url, new Map()).run();
    for (const { name, recorded, replayed } of exchanges) {
      expect.soft(replayed, name).toEqual(recorded);
    }
    await sandbox.stop();
  });

  it.each([[{}], [['x']]])('end the process: client_id %j', (client_id) =>
    withFolder(async (folder) => {
      const { exited, url } = await launch(['--data-dir', folder]);
      await post(url, '/prompt', { prompt, client_id }).catch(() => undefined);
      expect(await exited).toBe(1);
    }),
  );
});
