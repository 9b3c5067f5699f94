import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NODE_CATALOGUE, PACK_NODES } from '../../src/comfy/graph/index.js';
import { MODEL_FILES, remedyFor } from '../../src/comfy/workflows/installation.js';
import { loadOwnWorkflows } from '../../src/comfy/workflows/own/index.js';
import { probeParameters } from '../../src/comfy/workflows/parameters.js';
import { allGraphs, WORKFLOWS } from '../support/graphs.js';
import { faultsOf, NODE_DEFINITIONS } from '../support/node-definitions.js';

const FOLDER = new URL('../fixtures/graphs/', import.meta.url);
const isUpdate = process.env['UPDATE_GOLDEN'] === '1';
const graphs = allGraphs();

const inOrder = (graph: object): string =>
  `${JSON.stringify(graph, (_key, value: unknown) => (value && typeof value === 'object' && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))) : value), 2)}\n`;

describe('golden graphs', () => {
  if (isUpdate) {
    for (const file of readdirSync(FOLDER)) rmSync(new URL(file, FOLDER));
  }

  it.each(graphs)('$name is as it was committed', ({ name, graph }) => {
    const file = new URL(`${name}.json`, FOLDER);
    const now = inOrder(graph);
    if (isUpdate) writeFileSync(file, now);
    expect(existsSync(file), 'run with UPDATE_GOLDEN=1 to write it').toBe(true);
    expect(JSON.parse(now)).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });

  it('has no file of a graph that is gone', () => {
    const files = readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ''));
    expect(files.toSorted()).toEqual(graphs.map(({ name }) => name).toSorted());
  });
});

describe('the node catalogue', () => {
  it.each(Object.entries(NODE_CATALOGUE))('%s is as a real ComfyUI tells it', (name, node) => {
    const real = NODE_DEFINITIONS.get(name)!;
    expect(real, 'recorded or listed').toBeDefined();
    const inputs = Object.entries(node.inputs as Record<string, string>);
    for (const [declared, type] of inputs) {
      const input = real.inputs.get(declared.replace(/\?$/, ''));
      expect(input, declared).toMatchObject({ type, isRequired: !declared.endsWith('?') });
    }
    const required = [...real.inputs].filter(([, input]) => input.isRequired);
    expect(inputs.map(([input]) => input)).toEqual(
      expect.arrayContaining(required.map(([input]) => input)),
    );
    expect(Object.values(node.outputs)).toEqual(real.outputs);
  });
});

describe('the graphs before a real ComfyUI', () => {
  it.each(graphs)('$name passes its validation', ({ graph }) => {
    expect(faultsOf(graph)).toEqual([]);
  });

  it('would be refused for a wrong class, input, option, number or link', () => {
    const { graph } = graphs.find(({ name }) => name === 'product-backgrounds')!;
    const broken = (id: string, change: object, class_type = graph[id]!.class_type) =>
      faultsOf({ ...graph, [id]: { class_type, inputs: { ...graph[id]!.inputs, ...change } } });
    expect(broken('62', { sampler_name: 'best' })).toHaveLength(1);
    expect(broken('62', { steps: 0 })).toHaveLength(1);
    expect(broken('62', { steps: 1.5 })).toHaveLength(1);
    expect(broken('62', { latent_image: ['63', 0] })).toHaveLength(1);
    expect(broken('62', { latent_image: ['99', 0] })).toHaveLength(1);
    expect(broken('62', { denoise: 1 })).toHaveLength(1);
    expect(broken('62', {}, 'KSampler').length).toBeGreaterThan(0);
    expect(broken('62', {}, 'NoSuchNode').length).toBeGreaterThan(0);
  });

  it.each(graphs)('$name maps its steps and outputs to nodes that it has', (one) => {
    const { workflow, graph } = one;
    const steps = workflow.steps.flatMap((step) => step.nodeIds);
    expect(steps.toSorted()).toEqual([...new Set(steps)].toSorted());
    expect(Object.keys(graph).filter((id) => !steps.includes(id))).toEqual([]);
    const hasMask = Object.values(graph).some(({ class_type }) => class_type === 'LoadImageMask');
    for (const { nodeId, needsInput } of workflow.outputs) {
      if (needsInput === undefined || hasMask) {
        expect(NODE_DEFINITIONS.get(graph[nodeId]!.class_type)?.isOutput).toBe(true);
      }
    }
  });
});

describe('the examples of own workflows', () => {
  it.each(loadOwnWorkflows('examples/workflows').workflows)(
    '$id passes the validation of a ComfyUI without packs and models',
    (workflow) => {
      const graph = workflow.build(probeParameters(workflow), {
        images: { image: 'a.png' },
        filenamePrefix: 'hom/p',
      });
      expect(faultsOf(graph)).toEqual([]);
      const packs = Object.values(graph).filter(({ class_type }) => class_type in PACK_NODES);
      expect(packs).toEqual([]);
      expect(JSON.stringify(graph)).not.toMatch(/safetensors|\.pth?"/);
    },
  );
});

describe('what a GPU machine needs', () => {
  it('is told for every class and every model file of the graphs', () => {
    for (const { graph } of graphs) {
      for (const { class_type, inputs } of Object.values(graph)) {
        expect(remedyFor({ kind: 'node', name: class_type })?.hint, class_type).toBeDefined();
        for (const value of Object.values(inputs)) {
          if (typeof value !== 'string' || !/\.(safetensors|pth?)$/.test(value)) continue;
          expect(MODEL_FILES.map(({ file }) => file)).toContain(value);
        }
      }
    }
  });

  it('names no file that no graph uses', () => {
    const used = JSON.stringify([
      graphs.map(({ graph }) => graph),
      WORKFLOWS.flatMap(({ parameters }) => Object.values(parameters)),
    ]);
    const unused = MODEL_FILES.filter(({ file }) => !used.includes(file));
    expect(unused).toEqual([]);
  });
});
