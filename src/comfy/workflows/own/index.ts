import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { probeParameters } from '../parameters.js';
import type { Workflow } from '../workflow.js';
import { readManifest } from './manifest.js';
import { checkBindings, readGraph } from './own-graph.js';
import { ownWorkflow } from './own-workflow.js';
import { readSource, Refused } from './source-file.js';

const MANIFESTS = ['workflow.yaml', 'workflow.yml', 'workflow.json'];

/** A folder below WORKFLOWS_DIR whose workflow is not offered. */
export interface Refusal {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

export interface OwnWorkflows {
  readonly workflows: readonly Workflow[];
  readonly refusals: readonly Refusal[];
}

const load = (folder: string, taken: ReadonlySet<string>): Workflow => {
  const found = MANIFESTS.map((name) => path.join(folder, name)).find((file) => existsSync(file));
  const source = readSource(found ?? path.join(folder, 'workflow.yaml'));
  const manifest = readManifest(source);
  if (taken.has(manifest.id)) {
    throw new Refused(source, ['id'], `id "${manifest.id}" belongs to another workflow`);
  }
  const graph = readGraph(readSource(path.join(folder, manifest.graph)));
  checkBindings(manifest, source, graph);
  const workflow = ownWorkflow(manifest, graph);
  try {
    probeParameters(workflow);
  } catch (error) {
    throw new Refused(source, ['parameters'], error instanceof Error ? error.message : 'is wrong');
  }
  return workflow;
};

/**
 * The operator's workflows in the folders of `directory`, in order of their names, and those that
 * are wrong: one never stops the others. `taken` are ids in use. Throws nothing.
 */
export const loadOwnWorkflows = (
  directory: string,
  taken: readonly string[] = [],
): OwnWorkflows => {
  const ids = new Set(taken);
  const workflows: Workflow[] = [];
  const refusals: Refusal[] = [];
  let folders: string[];
  try {
    folders = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .toSorted();
  } catch {
    const reason = 'WORKFLOWS_DIR cannot be read';
    return { workflows, refusals: [{ name: directory, file: directory, line: 1, reason }] };
  }
  for (const name of folders) {
    try {
      const workflow = load(path.join(directory, name), ids);
      ids.add(workflow.id);
      workflows.push(workflow);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refusals.push({ name, file: error.file, line: error.line, reason: error.reason });
    }
  }
  return { workflows, refusals };
};
