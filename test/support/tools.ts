import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startNodeService } from '../../src/embedded/node-service.js';
import type { Fault, LoggedCall } from '../../src/sandbox/tools/server.js';

export type StandInName = 'tripo' | 'gradio' | 'replicate';

/** The stand-ins of the tools' providers, a process of the test's own (from `dist`). */
export class ToolStandIns {
  private constructor(
    readonly addresses: Readonly<Record<string, string>>,
    private readonly end: () => Promise<void>,
  ) {}

  static async start(args: readonly string[] = []): Promise<ToolStandIns> {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'hom-tools-'));
    const service = await startNodeService({
      program: 'sandbox/tools/main.js',
      args: [`--data-dir=${dataDir}`, '--parent-pipe', '--control', ...args],
      logFile: path.join(dataDir, 'tools.log'),
    });
    return new ToolStandIns(service.ready, async () => {
      await service.stop();
      await rm(dataDir, { recursive: true, force: true });
    });
  }

  url(name: StandInName): string {
    return this.addresses[name] ?? '';
  }

  /** What points the product at them, with short pauses. */
  get environment(): Record<string, string> {
    return {
      TRIPO_BASE_URL: `${this.url('tripo')}/v3`,
      TRIPO_API_KEY: this.addresses['tripoKey'] ?? '',
      TRIPO_POLL_SECONDS: '0.2',
    };
  }

  /** What points the try-on at one of its two stand-ins, with short pauses. */
  tryOnEnvironment(name: 'gradio' | 'replicate'): Record<string, string> {
    const shared = { TRYON_PROVIDER: name, TRYON_POLL_SECONDS: '0.2' };
    return name === 'gradio'
      ? { ...shared, TRYON_URL: this.url('gradio') }
      : {
          ...shared,
          TRYON_URL: `${this.url('replicate')}/v1`,
          TRYON_TOKEN: this.addresses['replicateToken'] ?? '',
        };
  }

  async script(name: StandInName, ...faults: readonly Fault[]): Promise<void> {
    const body = JSON.stringify(faults);
    const response = await fetch(`${this.url(name)}/__control`, { method: 'POST', body });
    if (!response.ok) throw new Error('The faults were not taken.');
  }

  async calls(name: StandInName, route?: string): Promise<LoggedCall[]> {
    const response = await fetch(`${this.url(name)}/__calls`);
    const calls = (await response.json()) as LoggedCall[];
    return calls.filter((call) => route === undefined || call.name === route);
  }

  stop(): Promise<void> {
    return this.end();
  }
}
