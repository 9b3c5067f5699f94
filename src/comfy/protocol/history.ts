import { arrayAt, isObject, objectAt, stringAt, type JsonObject } from './json.js';

/** A file on ComfyUI's disk, as /view wants it (§5). */
export interface FileItem {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: 'output' | 'temp' | 'input';
}

export interface NodeError {
  readonly nodeId: string | undefined;
  readonly nodeType: string | undefined;
  readonly exceptionType: string;
  readonly message: string;
}

/** How a prompt ended, read from its history entry alone (§2.4). */
export type PromptOutcome =
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'failed'; readonly error: NodeError };

export interface HistoryEntry {
  readonly outcome: PromptOutcome;
  readonly outputs: JsonObject;
}

const readError = (data: unknown): NodeError => ({
  nodeId: stringAt(data, 'node_id'),
  nodeType: stringAt(data, 'node_type'),
  exceptionType: stringAt(data, 'exception_type') ?? 'unknown',
  message: (stringAt(data, 'exception_message') ?? '').trim(),
});

const readOutcome = (status: JsonObject): PromptOutcome => {
  for (const message of arrayAt(status, 'messages').toReversed()) {
    const [name, data] = Array.isArray(message) ? (message as unknown[]) : [];
    if (name === 'execution_success') return { kind: 'succeeded' };
    if (name === 'execution_interrupted') return { kind: 'interrupted' };
    if (name === 'execution_error') return { kind: 'failed', error: readError(data) };
  }
  // The status may be null in theory (§2.4): the word alone then decides.
  return stringAt(status, 'status_str') === 'success'
    ? { kind: 'succeeded' }
    : { kind: 'failed', error: readError({}) };
};

/** Reads one entry of /history; undefined when `promptId` is not in it. */
export const parseHistory = (body: unknown, promptId: string): HistoryEntry | undefined => {
  const entry = isObject(body) ? body[promptId] : undefined;
  if (!isObject(entry)) return undefined;
  return { outcome: readOutcome(objectAt(entry, 'status')), outputs: objectAt(entry, 'outputs') };
};

const toFileItem = (value: unknown): FileItem | undefined => {
  const filename = stringAt(value, 'filename');
  const type = stringAt(value, 'type');
  if (!filename || (type !== 'output' && type !== 'temp' && type !== 'input')) return undefined;
  return { filename, subfolder: stringAt(value, 'subfolder') ?? '', type };
};

/** All files that a node put out, whatever key it used (images, gifs, files, 3d …), in order. */
export const filesOf = (outputs: JsonObject, nodeId: string): FileItem[] =>
  Object.values(objectAt(outputs, nodeId)).flatMap((list) =>
    Array.isArray(list) ? list.flatMap((value) => toFileItem(value) ?? []) : [],
  );

/** The text that a node put out, its parts joined; undefined when it gave none. */
export const textOf = (outputs: JsonObject, nodeId: string): string | undefined => {
  const parts = arrayAt(objectAt(outputs, nodeId), 'text');
  const texts = parts.filter((part): part is string => typeof part === 'string');
  return texts.length === 0 ? undefined : texts.join('\n');
};
