/**
 * The process that does the picture work, one node at a time. It starts with the first prompt and
 * ends when the server has been idle for a while, so that an idle sandbox is small and HTTP answers
 * however busy a node is. Pictures stay over there: here they are handles.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Interrupted, type NodeResult } from './nodes/node.js';
import { isRecord, PythonError } from './python.js';
import type { Preview } from './socket-hub.js';

export interface NodeOrder {
  readonly classType: string;
  /** Values and handles of the inputs. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly embedded: Readonly<Record<string, unknown>>;
  readonly gpuMs: number | undefined;
  readonly wantsPreviews: boolean;
}

export interface NodeListener {
  /** False stops the node: it was interrupted. */
  readonly step: (value: number, max: number, preview: Preview | undefined) => boolean;
  readonly text: (text: string) => void;
  readonly picture: (bytes: Buffer) => void;
}

/** What stands for a picture, mask or other value in the engine. */
export interface Handle {
  readonly handle: number;
  readonly kind: string;
}

export const isHandle = (value: unknown): value is Handle => isRecord(value) && 'handle' in value;

export type ToEngine =
  | { readonly type: 'run'; readonly order: NodeOrder }
  | { readonly type: 'answer'; readonly goOn: boolean }
  | { readonly type: 'keep'; readonly handles: readonly number[] };

export type FromEngine =
  | { readonly type: 'step'; value: number; max: number; preview: Preview | undefined }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'picture'; readonly bytes: Buffer }
  | { readonly type: 'done'; readonly result: NodeResult }
  | { readonly type: 'failed'; readonly error: string; readonly message: string }
  | { readonly type: 'interrupted' };

/** Freed pictures go back to the system at once. */
const FRUGAL = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072' };

export class Engine {
  private child: ChildProcess | undefined;

  constructor(private readonly dataDir: string) {}

  /** Throws what the node raised, or Interrupted. */
  async run(order: NodeOrder, listener: NodeListener): Promise<NodeResult> {
    const child = (this.child ??= this.start());
    return new Promise<NodeResult>((resolve, reject) => {
      const settle = (act: () => void) => {
        child.off('message', onMessage).off('exit', onExit);
        act();
      };
      const onExit = () =>
        settle(() => reject(new PythonError('RuntimeError', 'the picture process ended')));
      const onMessage = (message: FromEngine) => {
        if (message.type === 'step') {
          const goOn = listener.step(message.value, message.max, message.preview);
          this.tell({ type: 'answer', goOn });
        } else if (message.type === 'text') listener.text(message.text);
        else if (message.type === 'picture') listener.picture(message.bytes);
        else if (message.type === 'done') settle(() => resolve(message.result));
        else if (message.type === 'interrupted') settle(() => reject(new Interrupted()));
        else settle(() => reject(new PythonError(message.error, message.message)));
      };
      child.on('message', onMessage).on('exit', onExit);
      this.tell({ type: 'run', order });
    });
  }

  /** Lets go of every value over there but these. */
  keep(handles: readonly number[]): void {
    this.tell({ type: 'keep', handles });
  }

  /** False if there is no process, and so no handle is good. */
  get isAlive(): boolean {
    return this.child !== undefined;
  }

  /** Ends the process; all handles are void then. */
  stop(): void {
    this.child?.kill();
    this.child = undefined;
  }

  private tell(message: ToEngine): void {
    if (this.child?.connected) this.child.send(message);
  }

  private start(): ChildProcess {
    const program = fileURLToPath(new URL('./engine-process.js', import.meta.url));
    const child = fork(program, [this.dataDir], { serialization: 'advanced', env: FRUGAL });
    const forget = () => {
      if (this.child === child) this.child = undefined;
    };
    return child.on('error', forget).on('exit', forget);
  }
}
