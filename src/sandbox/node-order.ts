/** Which nodes of a graph run, in which order, and by what content the cache knows them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Folders } from './folders.js';

interface GraphNode {
  readonly class_type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}
export type Graph = Readonly<Record<string, GraphNode>>;

const linksOf = (node: GraphNode | undefined): string[] =>
  Object.values(node?.inputs ?? {}).flatMap((value) =>
    Array.isArray(value) ? [String(value[0])] : [],
  );

/**
 * Everything upstream of the outputs, dependencies first. Among the ready ones an output goes
 * first, then a node that feeds one, then a node two steps away, else the oldest: the user sees a
 * picture as soon as there is one (protocol §4.17).
 */
export const planOrder = (
  graph: Graph,
  outputs: readonly string[],
  isOutput: (id: string) => boolean,
  isDone: (id: string) => boolean,
): string[] => {
  const waitsFor = new Map<string, Set<string>>();
  const add = (id: string): void => {
    if (waitsFor.has(id)) return;
    const sources = new Set(linksOf(graph[id]).filter((source) => !isDone(source)));
    waitsFor.set(id, sources);
    sources.forEach(add);
  };
  outputs.forEach(add);
  const feeds = (id: string) => [...waitsFor].filter(([, from]) => from.has(id)).map(([to]) => to);
  const order: string[] = [];
  while (waitsFor.size > 0) {
    const ready = [...waitsFor].filter(([, from]) => from.size === 0).map(([id]) => id);
    const next =
      ready.find(isOutput) ??
      ready.find((id) => feeds(id).some(isOutput)) ??
      ready.find((id) => feeds(id).some((to) => feeds(to).some(isOutput))) ??
      ready[0];
    if (next === undefined) break;
    order.push(next);
    waitsFor.delete(next);
    for (const from of waitsFor.values()) from.delete(next);
  }
  return order;
};

/**
 * The content of each node: class, values, the content of what is linked in, and the bytes of a
 * loaded file. Node ids and titles do not count (recording c).
 */
export const signNodes = (graph: Graph, folders: Folders): Map<string, string> => {
  const signatures = new Map<string, string>();
  const sign = (id: string, path: readonly string[]): string => {
    const known = signatures.get(id);
    const node = graph[id];
    if (known !== undefined || !node || path.includes(id)) return known ?? 'nothing';
    const parts: unknown[] = [node.class_type];
    for (const name of Object.keys(node.inputs).sort()) {
      const value = node.inputs[name];
      const isLink = Array.isArray(value);
      parts.push(name, isLink ? [sign(String(value[0]), [...path, id]), value[1]] : value);
      if (name === 'image' && typeof value === 'string') {
        parts.push(fingerprint(folders.findInput(value)));
      }
    }
    const signature = createHash('sha1').update(JSON.stringify(parts)).digest('hex');
    signatures.set(id, signature);
    return signature;
  };
  for (const id of Object.keys(graph)) sign(id, []);
  return signatures;
};

/**
 * A missing file gets a fingerprint of its own, so that its node is never cached. Read at once: the real
 * server's prompts have a thread of their own and do not wait behind its HTTP requests.
 */
const fingerprint = (file: string | undefined): string => {
  if (file === undefined) return `missing ${Date.now()}`;
  return createHash('sha256').update(readFileSync(file)).digest('hex');
};
