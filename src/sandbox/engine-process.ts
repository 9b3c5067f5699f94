/** The other side of engine.ts: runs nodes and keeps their pictures until it is told to let go. */
import { isHandle, type FromEngine, type NodeOrder, type ToEngine } from './engine.js';
import { Folders } from './folders.js';
import { LIBRARY } from './nodes/library.js';
import { Interrupted, NodeInputs, type NodeResult } from './nodes/node.js';
import { exceptionType, isRecord, messageOf } from './python.js';

const folders = new Folders(process.argv[2] ?? '.');
const values = new Map<number, unknown>();
let nextHandle = 0;
let onAnswer: (goOn: boolean) => void = () => {};

const tell = (message: FromEngine): void => void process.send?.(message);

/** Anything with a kind stays here; its size goes along for error messages. */
const shelve = (value: unknown): unknown => {
  if (!isRecord(value) || !('kind' in value)) return value;
  nextHandle += 1;
  values.set(nextHandle, value);
  const { kind, width, height } = value;
  return { handle: nextHandle, kind, width, height };
};

const run = async (order: NodeOrder): Promise<NodeResult> => {
  const node = LIBRARY[order.classType];
  if (!node) throw new Error(`the sandbox cannot execute ${order.classType}`);
  const inputs = Object.entries(order.inputs).map(([name, value]) => [
    name,
    isHandle(value) ? values.get(value.handle) : value,
  ]);
  const result = await node(new NodeInputs(Object.fromEntries(inputs) as Record<string, unknown>), {
    ...order,
    folders,
    report: async (value, max, preview) => {
      tell({ type: 'step', value, max, preview });
      const goOn = await new Promise<boolean>((resolve) => (onAnswer = resolve));
      if (!goOn) throw new Interrupted();
    },
    sayText: (text) => tell({ type: 'text', text }),
    sendPicture: (bytes) => tell({ type: 'picture', bytes }),
  });
  return { ...result, outputs: result.outputs.map(shelve) };
};

process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToEngine) => {
  if (message.type === 'answer') onAnswer(message.goOn);
  else if (message.type === 'keep') {
    const kept = new Set(message.handles);
    for (const handle of values.keys()) if (!kept.has(handle)) values.delete(handle);
  } else {
    run(message.order).then(
      (result) => tell({ type: 'done', result }),
      (error: unknown) => {
        if (error instanceof Interrupted) tell({ type: 'interrupted' });
        else tell({ type: 'failed', error: exceptionType(error), message: messageOf(error) });
      },
    );
  }
});
