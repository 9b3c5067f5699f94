import { arrayAt, stringAt, objectAt, isObject, numberAt } from './json.js';

/** Which prompts ComfyUI holds now; a prompt in neither list has ended, or was lost (§4.6). */
export interface QueueState {
  readonly running: ReadonlySet<string>;
  readonly pending: ReadonlySet<string>;
}

const idsAt = (body: unknown, key: string): Set<string> =>
  new Set(
    arrayAt(body, key).flatMap((item) => {
      const id: unknown = Array.isArray(item) ? item[1] : undefined;
      return typeof id === 'string' ? [id] : [];
    }),
  );

/** Reads GET /queue (§2.2). */
export const parseQueue = (body: unknown): QueueState => ({
  running: idsAt(body, 'queue_running'),
  pending: idsAt(body, 'queue_pending'),
});

export interface SystemStats {
  readonly version: string;
}

/** Reads GET /system_stats (§2.7). */
export const parseSystemStats = (body: unknown): SystemStats => ({
  version: stringAt(objectAt(body, 'system'), 'comfyui_version') ?? 'unknown',
});

/** One fault that ComfyUI's validation found in a graph (§2.1). */
export interface GraphFault {
  readonly type: string;
  readonly nodeId: string | undefined;
  readonly classType: string | undefined;
  readonly inputName: string | undefined;
  readonly message: string;
}

const faultsOfNode = (nodeId: string, node: unknown): GraphFault[] =>
  arrayAt(node, 'errors').map((error) => ({
    type: stringAt(error, 'type') ?? 'unknown',
    nodeId,
    classType: stringAt(node, 'class_type'),
    inputName: stringAt(objectAt(error, 'extra_info'), 'input_name'),
    message: stringAt(error, 'message') ?? '',
  }));

/** Reads the answer of POST /prompt: the faults, empty when the whole graph was accepted. */
export const parsePromptAnswer = (
  body: unknown,
): { faults: GraphFault[]; number: number | undefined } => {
  const faults = Object.entries(objectAt(body, 'node_errors')).flatMap(([id, node]) =>
    faultsOfNode(id, node),
  );
  const error = isObject(body) ? body['error'] : undefined;
  if (isObject(error) && faults.length === 0) {
    const extra = objectAt(error, 'extra_info');
    faults.push({
      type: stringAt(error, 'type') ?? 'unknown',
      nodeId: stringAt(extra, 'node_id'),
      classType: stringAt(extra, 'class_type'),
      inputName: undefined,
      message: stringAt(error, 'message') ?? '',
    });
  }
  return { faults, number: numberAt(body, 'number') };
};
