/** `/api/jobs`: one view over queue and history, and cancelling (protocol §2.3, §2.5; recording l). */
import { parseJson, type Call, type Reply, type Route } from './http-server.js';
import type { HistoryEntry, PromptQueue, PromptTuple } from './prompt-queue.js';
import { CANONICAL_UUID } from './prompt-routes.js';
import { isRecord, PythonError } from './python.js';
import type { Worker } from './worker.js';

const STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'];
const INTEGER = /^\s*[+-]?\d+\s*$/;

interface Job {
  readonly id: string;
  readonly status: string;
  readonly create_time: unknown;
  readonly workflow_id?: unknown;
  readonly execution_start_time?: number;
  readonly execution_end_time?: number;
}

const refuse = (error: string, extra: object = {}): Reply => ({
  status: 400,
  json: { error, ...extra },
});

/** `extra_data.get('extra_pnginfo', {}).get('workflow', {}).get('id')`: null in it raises (o-4). */
const workflowIdOf = (extraData: Record<string, unknown>): unknown => {
  let value: unknown = extraData;
  for (const key of ['extra_pnginfo', 'workflow', 'id']) {
    if (!isRecord(value)) throw new PythonError('AttributeError', "no attribute 'get'");
    if (!(key in value)) return undefined;
    value = value[key];
  }
  return value;
};

const describe = ([number, id, , extraData]: PromptTuple, status: string) => {
  const workflowId = workflowIdOf(extraData);
  return {
    id,
    status,
    priority: number,
    create_time: extraData['create_time'],
    outputs_count: 0,
    previewable_outputs_count: 0,
    ...(workflowId !== undefined && { workflow_id: workflowId }),
  };
};

const describeFinished = (entry: HistoryEntry) => {
  const timeOf = (pick: (name: string) => boolean): number | undefined => {
    const data = entry.status.messages.find(([name]) => pick(name))?.[1];
    return data && 'timestamp' in data ? Number(data.timestamp) : undefined;
  };
  const [end, data] = entry.status.messages.at(-1) ?? [];
  const outcome = { execution_success: 'completed', execution_interrupted: 'cancelled' }[end ?? ''];
  const items = Object.entries(entry.outputs).flatMap(([nodeId, ui]) =>
    Object.entries(ui as Record<string, unknown[]>).flatMap(([mediaType, list]) =>
      list.filter(isFile).map((item) => ({ ...item, nodeId, mediaType })),
    ),
  );
  const preview = items.find((item) => item.type === 'output') ?? items[0];
  return {
    ...describe(entry.prompt, outcome ?? 'failed'),
    execution_start_time: timeOf((name) => name === 'execution_start') ?? 0,
    execution_end_time:
      timeOf((name) => name !== 'execution_start' && name !== 'execution_cached') ?? 0,
    ...(end === 'execution_error' && { execution_error: data }),
    outputs_count: items.length,
    previewable_outputs_count: items.length,
    ...(preview && { preview_output: preview }),
  };
};

const isFile = (item: unknown): item is { filename: string; type: string } =>
  isRecord(item) && 'filename' in item;

const durationOf = (job: Job): number =>
  (job.execution_end_time ?? 0) - (job.execution_start_time ?? 0);

export const createJobRoutes = (queue: PromptQueue, worker: Worker): Route[] => {
  const listAll = (): Job[] => [
    ...(queue.running ? [describe(queue.running, 'in_progress')] : []),
    ...queue.listPending().map((entry) => describe(entry, 'pending')),
    ...[...queue.history.values()].map(describeFinished),
  ];

  const list = ({ query }: Call): Reply => {
    const wanted = query.get('status')?.split(',') ?? [];
    const unknown = wanted.filter((status) => !STATUSES.includes(status));
    if (unknown.length > 0) {
      const valid = STATUSES.join(', ');
      return refuse(`Invalid status value(s): ${unknown.join(', ')}. Valid values: ${valid}`);
    }
    const sortBy = query.get('sort_by') ?? 'created_at';
    if (!['created_at', 'execution_duration'].includes(sortBy)) {
      return refuse("sort_by must be 'created_at' or 'execution_duration'");
    }
    const order = query.get('sort_order') ?? 'desc';
    if (!['asc', 'desc'].includes(order)) return refuse("sort_order must be 'asc' or 'desc'");
    const limitText = query.get('limit');
    if (limitText !== null && !INTEGER.test(limitText)) return refuse('limit must be an integer');
    const limit = limitText === null ? null : Number(limitText);
    if (limit !== null && limit < 1) return refuse('limit must be a positive integer');
    const offsetText = query.get('offset') ?? '0';
    if (!INTEGER.test(offsetText)) return refuse('offset must be an integer');
    const offset = Math.max(0, Number(offsetText));
    const workflow = query.get('workflow_id');
    const keyOf = sortBy === 'created_at' ? (job: Job) => Number(job.create_time) : durationOf;
    const direction = order === 'asc' ? 1 : -1;
    const jobs = listAll()
      .filter((job) => wanted.length === 0 || wanted.includes(job.status))
      .filter((job) => workflow === null || job.workflow_id === workflow)
      .sort((a, b) => direction * (keyOf(a) - keyOf(b)));
    const page = jobs.slice(offset, limit === null ? undefined : offset + limit);
    const has_more = offset + page.length < jobs.length;
    return { json: { jobs: page, pagination: { offset, limit, total: jobs.length, has_more } } };
  };

  const read = ({ params: [id = ''] }: Call): Reply => {
    const entry = queue.history.get(id);
    const live = listAll().find((job) => job.id === id);
    if (!live) return { status: 404, json: { error: 'Job not found' } };
    if (live.status === 'in_progress' || live.status === 'pending' || !entry) return { json: live };
    const [, , prompt, extra_data] = entry.prompt;
    const { outputs, status: execution_status } = entry;
    return { json: { ...live, outputs, execution_status, workflow: { prompt, extra_data } } };
  };

  const cancelOne = (id: string): boolean => worker.interrupt(id) || queue.delete(id);

  const cancelMany = (call: Call): Reply => {
    let body: unknown;
    try {
      body = parseJson(call);
    } catch {
      return refuse('Request body must be valid JSON');
    }
    const ids: unknown = isRecord(body) ? body['job_ids'] : undefined;
    if (!Array.isArray(ids)) return refuse('job_ids must be a list');
    const invalid = ids.filter((id) => typeof id !== 'string' || !CANONICAL_UUID.test(id));
    if (invalid.length > 0) {
      return refuse('job_ids contains invalid id(s)', { invalid_ids: invalid.map(String) });
    }
    return { json: { cancelled: ids.map((id) => cancelOne(String(id))).includes(true) } };
  };

  return [
    { method: 'GET', path: /^\/api\/jobs$/, answer: list },
    { method: 'POST', path: /^\/api\/jobs\/cancel$/, answer: cancelMany },
    { method: 'GET', path: /^\/api\/jobs\/([^/]*)$/, answer: read },
    {
      method: 'POST',
      path: /^\/api\/jobs\/([^/]+)\/cancel$/,
      answer: ({ params: [id = ''] }) => ({ json: { cancelled: cancelOne(id) } }),
    },
  ];
};
