import { arrayAt, isObject, numberAt, objectAt, parseJson, stringAt } from './json.js';

export interface NodeProgress {
  readonly nodeId: string;
  readonly value: number;
  readonly max: number;
  readonly isFinished: boolean;
}

/**
 * What ComfyUI says over its websocket (comfyui-protocol §3), as a closed union. Everything here is
 * a hint: frames may be lost, late or doubled.
 */
export type ComfyEvent =
  | { readonly type: 'status'; readonly queueRemaining: number }
  | { readonly type: 'started'; readonly promptId: string }
  | { readonly type: 'cached'; readonly promptId: string; readonly nodeIds: readonly string[] }
  /** `nodeId` null: the prompt has ended and its history exists. `promptId` is absent after a reconnect. */
  | {
      readonly type: 'executing';
      readonly promptId: string | undefined;
      readonly nodeId: string | null;
    }
  | {
      readonly type: 'progress';
      readonly promptId: string;
      readonly nodes: readonly NodeProgress[];
    }
  | { readonly type: 'executed'; readonly promptId: string; readonly nodeId: string }
  /** Success, error or interrupt was announced; the history entry may come a moment later. */
  | { readonly type: 'ending'; readonly promptId: string }
  | {
      readonly type: 'preview';
      readonly promptId: string | undefined;
      readonly mimeType: 'image/jpeg' | 'image/png';
      readonly bytes: Buffer;
    };

const readProgressState = (data: unknown): NodeProgress[] =>
  Object.entries(objectAt(data, 'nodes')).flatMap(([nodeId, node]) => {
    const value = numberAt(node, 'value');
    const max = numberAt(node, 'max');
    if (value === undefined || max === undefined) return [];
    return [{ nodeId, value, max, isFinished: stringAt(node, 'state') === 'finished' }];
  });

const readExecuting = (data: unknown): ComfyEvent | undefined => {
  const nodeId = isObject(data) ? data['node'] : undefined;
  if (nodeId !== null && typeof nodeId !== 'string') return undefined;
  return { type: 'executing', promptId: stringAt(data, 'prompt_id'), nodeId };
};

const readOfPrompt = (type: string, promptId: string, data: unknown): ComfyEvent | undefined => {
  switch (type) {
    case 'execution_start':
      return { type: 'started', promptId };
    case 'execution_cached': {
      const nodeIds = arrayAt(data, 'nodes').filter((id): id is string => typeof id === 'string');
      return { type: 'cached', promptId, nodeIds };
    }
    case 'progress': {
      const nodeId = stringAt(data, 'node');
      const value = numberAt(data, 'value');
      const max = numberAt(data, 'max');
      if (nodeId === undefined || value === undefined || max === undefined) return undefined;
      return { type: 'progress', promptId, nodes: [{ nodeId, value, max, isFinished: false }] };
    }
    case 'progress_state':
      return { type: 'progress', promptId, nodes: readProgressState(data) };
    case 'executed': {
      const nodeId = stringAt(data, 'node');
      return nodeId === undefined ? undefined : { type: 'executed', promptId, nodeId };
    }
    case 'execution_success':
    case 'execution_interrupted':
      return { type: 'ending', promptId };
    case 'execution_error':
      // A blocked value is reported like an error, yet the prompt goes on (§3.1, special case).
      return stringAt(data, 'exception_type') === 'ExecutionBlocked'
        ? undefined
        : { type: 'ending', promptId };
    default:
      return undefined;
  }
};

/** Reads a text frame; undefined for kinds that say nothing to us, and for garbage. */
export const parseTextFrame = (text: string): ComfyEvent | undefined => {
  const message = parseJson(text);
  const type = stringAt(message, 'type');
  if (type === undefined) return undefined;
  const data = objectAt(message, 'data');
  if (type === 'status') {
    const remaining = numberAt(objectAt(objectAt(data, 'status'), 'exec_info'), 'queue_remaining');
    return remaining === undefined ? undefined : { type: 'status', queueRemaining: remaining };
  }
  if (type === 'executing') return readExecuting(data);
  const promptId = stringAt(data, 'prompt_id');
  return promptId === undefined ? undefined : readOfPrompt(type, promptId, data);
};

const PREVIEW = 1;
const UNENCODED_PREVIEW = 2;
const PREVIEW_WITH_METADATA = 4;
const PNG = 2;
const HEADER = 4;

const readPlainPreview = (frame: Buffer): ComfyEvent | undefined => {
  if (frame.length <= 2 * HEADER) return undefined;
  const mimeType = frame.readUInt32BE(HEADER) === PNG ? 'image/png' : 'image/jpeg';
  return { type: 'preview', promptId: undefined, mimeType, bytes: frame.subarray(2 * HEADER) };
};

const readPreviewWithMetadata = (frame: Buffer): ComfyEvent | undefined => {
  if (frame.length <= 2 * HEADER) return undefined;
  const end = 2 * HEADER + frame.readUInt32BE(HEADER);
  if (end >= frame.length) return undefined;
  const metadata = parseJson(frame.toString('utf8', 2 * HEADER, end));
  const mimeType = stringAt(metadata, 'image_type') === 'image/png' ? 'image/png' : 'image/jpeg';
  return {
    type: 'preview',
    promptId: stringAt(metadata, 'prompt_id'),
    mimeType,
    bytes: frame.subarray(end),
  };
};

/** Reads a binary frame (§3.2): previews of type 1, 2 and 4; undefined for the rest. */
export const parseBinaryFrame = (frame: Buffer): ComfyEvent | undefined => {
  if (frame.length < HEADER) return undefined;
  switch (frame.readUInt32BE(0)) {
    case PREVIEW:
    case UNENCODED_PREVIEW:
      return readPlainPreview(frame);
    case PREVIEW_WITH_METADATA:
      return readPreviewWithMetadata(frame);
    default:
      return undefined;
  }
};
