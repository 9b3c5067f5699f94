/** `/prompt`, `/queue`, `/interrupt`, `/history`, `/free` (protocol §2.1–2.4, §2.7). */
import { randomUUID } from 'node:crypto';
import { validateGraph, type Installation } from './graph-validation.js';
import { parseJson, type Call, type Reply, type Route } from './http-server.js';
import type { PromptQueue } from './prompt-queue.js';
import { isRecord, PythonError, repr, toBool, toFloat, toInt } from './python.js';
import type { Worker } from './worker.js';

export const CANONICAL_UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Credentials of paid API nodes are kept out of queue and history. */
const SENSITIVE = ['auth_token_comfy_org', 'api_key_comfy_org'];

const refuse = (type: string, message: string, details: string): Reply => ({
  status: 400,
  json: { error: { type, message, details, extra_info: {} }, node_errors: {} },
});

/** A JSON object; an array is an object without keys here, all else raises as in Python. */
const parseDictionary = (call: Call): Record<string, unknown> => {
  const value = parseJson(call);
  if (Array.isArray(value)) return {};
  if (!isRecord(value)) throw new PythonError('TypeError', 'body is not a dict');
  return value;
};

export const createPromptRoutes = (
  queue: PromptQueue,
  worker: Worker,
  installation: Installation,
  afterAccepting: () => Reply | undefined,
): Route[] => {
  let nextNumber = 0;

  /** Refused prompts use up a number too, an explicit one does not (protocol §2.1). */
  const numberOf = (body: Record<string, unknown>): number => {
    if ('number' in body) return toFloat(body['number']);
    const number = toBool(body['front'] ?? false) ? -nextNumber : nextNumber;
    nextNumber += 1;
    return number;
  };

  const submit = (call: Call): Reply => {
    const body = parseDictionary(call);
    const number = numberOf(body);
    const graph = body['prompt'];
    if (!('prompt' in body)) {
      return refuse('no_prompt', 'No prompt provided', 'No prompt provided');
    }
    const id = body['prompt_id'] ?? randomUUID();
    if (typeof id !== 'string' || !CANONICAL_UUID.test(id)) {
      const how = 'prompt_id must be a UUID string in canonical lowercase hyphenated form';
      const details = `${how}; omit it to let the server generate one`;
      return refuse('invalid_prompt_id', 'prompt_id must be a valid UUID', details);
    }
    const verdict = validateGraph(graph, body['partial_execution_targets'], installation);
    const extra = body['extra_data'] ?? ('extra_data' in body ? null : {});
    if (!isRecord(extra)) throw new PythonError('TypeError', `${repr(extra)} is not a dict`);
    if (!verdict.ok) {
      return { status: 400, json: { error: verdict.error, node_errors: verdict.nodeErrors } };
    }
    const kept = Object.entries(extra).filter(([key]) => !SENSITIVE.includes(key));
    const client = 'client_id' in body ? { client_id: body['client_id'] } : {};
    const extraData = { ...Object.fromEntries(kept), ...client, create_time: Date.now() };
    queue.put([number, id, graph as Record<string, unknown>, extraData, verdict.outputs]);
    const json = { prompt_id: id, number, node_errors: verdict.nodeErrors };
    return afterAccepting() ?? { json };
  };

  const editQueue = (call: Call): Reply => {
    const body = parseDictionary(call);
    if (body['clear']) queue.clear();
    if (Array.isArray(body['delete'])) for (const id of body['delete']) queue.delete(String(id));
    return {};
  };

  const interrupt = (call: Call): Reply => {
    let body: unknown = {};
    try {
      body = parseJson(call);
    } catch {
      // Not JSON counts as a global interrupt (recording f).
    }
    if (!isRecord(body)) throw new PythonError('AttributeError', "no attribute 'get'");
    const id = body['prompt_id'];
    worker.interrupt(typeof id === 'string' && id !== '' ? id : undefined);
    return {};
  };

  const readHistory = ({ query }: Call): Reply => {
    const max = query.has('max_items') ? toInt(query.get('max_items')) : undefined;
    const asked = query.has('offset') ? toInt(query.get('offset')) : -1;
    const offset = asked < 0 && max !== undefined ? queue.history.size - max : asked;
    const entries = [...queue.history].slice(Math.max(0, offset));
    const page = max === undefined ? entries : entries.slice(0, Math.max(1, max));
    return { json: Object.fromEntries(page) };
  };

  const editHistory = (call: Call): Reply => {
    const body = parseDictionary(call);
    if (body['clear']) queue.history.clear();
    const ids = Array.isArray(body['delete']) ? body['delete'] : [];
    for (const id of ids) queue.history.delete(String(id));
    return {};
  };

  const readQueue = (): Reply => ({
    json: {
      queue_running: queue.running ? [queue.running] : [],
      queue_pending: queue.listPending(),
    },
  });

  const readEntry = ({ params: [id = ''] }: Call): Reply => {
    const entry = queue.history.get(id);
    return { json: entry ? { [id]: entry } : {} };
  };

  const free = (call: Call): Reply => {
    if (parseDictionary(call)['free_memory']) worker.free();
    return {};
  };

  const info = () => ({ json: { exec_info: { queue_remaining: queue.remaining } } });

  return [
    { method: 'GET', path: /^\/prompt$/, answer: info },
    { method: 'POST', path: /^\/prompt$/, answer: submit },
    { method: 'GET', path: /^\/queue$/, answer: readQueue },
    { method: 'POST', path: /^\/queue$/, answer: editQueue },
    { method: 'POST', path: /^\/interrupt$/, answer: interrupt },
    { method: 'POST', path: /^\/free$/, answer: free },
    { method: 'GET', path: /^\/history$/, answer: readHistory },
    { method: 'POST', path: /^\/history$/, answer: editHistory },
    { method: 'GET', path: /^\/history\/([^/]+)$/, answer: readEntry },
  ];
};
