/**
 * The fault script behind `--control` (tests only): which fault is armed, and what each point of
 * the server asks of it. Without `--control` nothing can be armed and every question is answered no.
 *
 *   POST   /__control/faults {kind, node?, path?, ms?, status?, message?, after?, times?}
 *   DELETE /__control/faults                 disarms all, opens muted sockets, frees what hangs
 *   GET    /__control/executions             [{prompt_id, client_id, life, started, ended, outcome}],
 *          of this process (its `life`), and of the earlier ones that wrote to the same file
 *
 * `after` lets so many matches pass first, `times` is how often it strikes (default 1, 0 = always).
 * At once: mute, half-open, close-sockets, cut-sockets, noise, crash (without `after`).
 * At a prompt: crash, late-history {ms}, garbage-output, missing-output; wedge (before it is taken).
 * At a node (`node` = id or class): slow {ms}, hang, oom, node-error {message}, crash-in-node.
 * At a request (`path`): http {status, or 0 for silence}; at POST /prompt once the prompt is
 * queued: lost-reply {status, or 0}.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileItem, Folders } from './folders.js';
import { LeaveUnanswered, parseJson, type Reply, type Route } from './http-server.js';
import { isRecord, PythonError } from './python.js';
import type { SocketHub } from './socket-hub.js';

interface Fault {
  readonly kind: string;
  readonly node?: string;
  readonly path?: string;
  readonly ms?: number;
  readonly status?: number;
  readonly message?: string;
  after: number;
  times: number;
}

export interface Execution {
  readonly prompt_id: string;
  readonly client_id: unknown;
  readonly life: number;
  readonly started: number;
  readonly ended?: number;
  readonly outcome?: string;
}

const MAX_EXECUTIONS = 10_000;
const HUGE_FRAME_BYTES = 3 * 1024 * 1024;
const die = () => process.kill(process.pid, 'SIGKILL');

export class Faults {
  private armed: Fault[] = [];
  /** Frees a held worker or node. */
  private release: (() => void) | undefined;
  readonly executions: Execution[] = [];

  constructor(
    private readonly hub: SocketHub,
    private readonly folders: Folders,
    /** Outlives a kill, so that the tests see the executions of every life. */
    private readonly logFile: string | undefined,
  ) {
    if (logFile !== undefined && existsSync(logFile)) this.recall(readFileSync(logFile, 'utf8'));
  }

  /** Holds the worker before it takes the next prompt for as long as `wedge` is armed. */
  async beforeTake(): Promise<void> {
    if (this.strike('wedge')) await this.untilDisarmed();
  }

  async beforePrompt(promptId: string, clientId: unknown): Promise<void> {
    this.note({
      prompt_id: promptId,
      client_id: clientId,
      life: process.pid,
      started: Date.now(),
    });
    if (this.strike('crash')) die();
  }

  async beforeNode(id: string, classType: string): Promise<void> {
    const at = (kind: string) =>
      this.strike(kind, (fault) => [undefined, id, classType].includes(fault.node));
    await sleep(at('slow')?.ms ?? 0);
    if (at('crash-in-node')) die();
    if (at('hang')) await this.untilDisarmed();
    if (at('oom')) throw new PythonError('torch.OutOfMemoryError', 'Allocation on device ');
    const error = at('node-error');
    if (error) throw new PythonError('RuntimeError', error.message ?? 'a scripted fault');
  }

  /** After the terminal message, before history is written. */
  async afterEnd(outcome: string, outputs: Readonly<Record<string, unknown>>): Promise<void> {
    const execution = this.executions.at(-1);
    if (execution) this.note({ ...execution, ended: Date.now(), outcome });
    const garbage = this.strike('garbage-output');
    const missing = this.strike('missing-output');
    for (const item of garbage || missing ? filesOf(outputs) : []) {
      const file = path.join(this.folders.of(item.type), item.subfolder, item.filename);
      if (missing) await rm(file, { force: true });
      else await writeFile(file, 'not a picture');
    }
    await sleep(this.strike('late-history')?.ms ?? 0);
  }

  /** A reply in place of the real one, or undefined. Throws LeaveUnanswered for silence. */
  interceptRequest(requestPath: string): Reply | undefined {
    if (requestPath.startsWith('/__control')) return undefined;
    return replyOf(this.strike('http', (fault) => requestPath.includes(fault.path ?? '')));
  }

  afterAccepting(): Reply | undefined {
    return replyOf(this.strike('lost-reply'));
  }

  get routes(): Route[] {
    const json = /^\/__control\/faults$/;
    return [
      { method: 'POST', path: json, answer: (call) => this.arm(parseJson(call)) },
      { method: 'DELETE', path: json, answer: () => this.disarm() },
      {
        method: 'GET',
        path: /^\/__control\/executions$/,
        answer: () => ({ json: this.executions }),
      },
    ];
  }

  private untilDisarmed(): Promise<void> {
    return new Promise((resolve) => (this.release = resolve));
  }

  /** Begun, or ended: the later line of one execution is the whole of it. */
  private note(execution: Execution): void {
    if (this.logFile !== undefined) appendFileSync(this.logFile, `${JSON.stringify(execution)}\n`);
    this.remember(execution);
  }

  private remember(execution: Execution): void {
    const last = this.executions.at(-1);
    if (last?.prompt_id === execution.prompt_id && last.started === execution.started)
      this.executions.pop();
    this.executions.push(execution);
    if (this.executions.length > MAX_EXECUTIONS) this.executions.shift();
  }

  private recall(lines: string): void {
    for (const line of lines.split('\n')) {
      if (line !== '') this.remember(JSON.parse(line) as Execution);
    }
  }

  private arm(body: unknown): Reply {
    if (!isRecord(body) || typeof body['kind'] !== 'string') return { status: 400 };
    const fault = { after: 0, times: 1, ...body } as unknown as Fault;
    const now: Readonly<Record<string, () => void>> = {
      mute: () => (this.hub.isMuted = true),
      'half-open': () => this.hub.disconnectAll('freeze'),
      'close-sockets': () => this.hub.disconnectAll('close'),
      'cut-sockets': () => this.hub.disconnectAll('cut'),
      noise: () => this.makeNoise(),
      ...(fault.after === 0 && !('times' in body) && { crash: die }),
    };
    const act = now[fault.kind];
    if (act) act();
    else this.armed.push(fault);
    return {};
  }

  private disarm(): Reply {
    this.armed = [];
    this.hub.isMuted = false;
    this.release?.();
    return {};
  }

  private strike(kind: string, matches: (fault: Fault) => boolean = () => true): Fault | undefined {
    const fault = this.armed.find((candidate) => candidate.kind === kind && matches(candidate));
    if (!fault) return undefined;
    if (fault.after > 0) {
      fault.after -= 1;
      return undefined;
    }
    if (fault.times === 1) this.armed = this.armed.filter((other) => other !== fault);
    if (fault.times > 1) fault.times -= 1;
    return fault;
  }

  /** Unknown types, broken JSON, unknown and truncated binary events, a huge frame. */
  private makeNoise(): void {
    this.hub.send('vendor.gossip', { anything: [1, null] });
    for (const text of ['not json', '[1,2]', '{"type":5}', '{"type":"executing"}'])
      this.hub.raw(text);
    for (const bytes of [[], [0, 0], [0, 0, 0, 99, 1, 2], [0, 0, 0, 4, 255, 255, 255, 255]]) {
      this.hub.raw(Buffer.from(bytes));
    }
    this.hub.raw(Buffer.alloc(HUGE_FRAME_BYTES, 1));
  }
}

const replyOf = (fault: Fault | undefined): Reply | undefined => {
  if (!fault) return undefined;
  const status = fault.status ?? 500;
  if (status === 0) throw new LeaveUnanswered();
  return { status, text: `${status}: a scripted fault` };
};

const filesOf = (outputs: Readonly<Record<string, unknown>>): FileItem[] =>
  Object.values(outputs)
    .flatMap((ui) => Object.values(ui as Record<string, unknown[]>).flat())
    .filter((item) => isRecord(item) && 'filename' in item)
    .map((item) => item as FileItem);
