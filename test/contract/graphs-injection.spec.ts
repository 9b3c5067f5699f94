import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../src/comfy/graph/index.js';
import { checkParameters, probeParameters } from '../../src/comfy/workflows/parameters.js';
import type { Parameters, Workflow } from '../../src/comfy/workflows/workflow.js';
import { WORKFLOWS } from '../support/graphs.js';

/** The only inputs of nodes that a person's parameters reach, by workflow. */
const LEAVES: Readonly<Record<string, readonly string[]>> = {
  'apparel-shoots': [
    '12.labels',
    '24.lora_name',
    '30.text',
    '31.text',
    '62.seed',
    '71.seed',
    '73.seed',
  ],
  'product-backgrounds': ['21.lora_name', '30.text', '31.text', '62.noise_seed'],
  'background-changes': ['30.text', '31.text', '62.noise_seed', '62.seed'],
  turntables: ['30.elevation', '62.seed'],
  descriptions: ['10.question'],
  'magic-fixes': [
    '30.text',
    '31.text',
    '62.seed',
    '62.denoise',
    '71.seed',
    '71.denoise',
    '73.seed',
    '73.denoise',
  ],
};

/** Leaves whose values come from a list of ours. */
const FROM_LISTS: Readonly<Record<string, RegExp>> = {
  '24.lora_name': /^(CafesandBars|ProductBackgrounds)\.safetensors$/,
  '21.lora_name': /^(CafesandBars|ProductBackgrounds)\.safetensors$/,
  '12.labels': /^[a-z_]+(,[a-z_]+)*$/,
};

const HOSTILE = [
  '../../etc/passwd',
  '["62", 0]',
  '{"class_type": "SaveImage"}',
  '__proto__',
  'constructor',
  'embedding:../../secret.pt',
  'EMBEDDING:x',
  '<lora:evil:1>',
  '"}}, "99": {"class_type": "Exec"',
  'hom/../../out',
  '%date:yyyy%',
  '\u0000\u202e',
  '${jndi:ldap://x}',
  '__wildcard__',
  'x'.repeat(1_999),
];

const hostileText = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ maxLength: 100 }));
const anything = fc.oneof(
  hostileText,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.array(hostileText, { maxLength: 3 }),
  fc.tuple(fc.constantFrom('62', '80'), fc.constant(0)),
  fc.dictionary(hostileText, hostileText, { maxKeys: 3 }),
);

/** Bodies that name the workflow's own parameters, mostly of the right kind, and others too. */
const bodyFor = (workflow: Workflow) => {
  const own = Object.entries(workflow.parameters).map(([name, schema]) => {
    const valid =
      schema.enum || schema.items
        ? fc.constant(schema.example)
        : schema.type === 'number'
          ? fc.double({ min: schema.minimum!, max: schema.maximum!, noNaN: true })
          : schema.anyOf
            ? fc.oneof(fc.maxSafeNat(), fc.constant('random'))
            : hostileText;
    return fc
      .oneof({ weight: 9, arbitrary: valid }, { weight: 1, arbitrary: anything })
      .map((value) => [name, value] as const);
  });
  const rest = fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.tuple(hostileText, anything) },
  );
  return fc
    .tuple(fc.subarray(own.map((_, at) => at)), fc.tuple(...own), rest)
    .map(([chosen, values, extra]) => {
      const required = workflow.requiredParameters;
      const given = values.filter(([name], at) => chosen.includes(at) || required.includes(name));
      return Object.fromEntries(extra ? [...given, extra] : given);
    });
};

/** Everything of a graph but the values of its inputs. */
const shapeOf = (graph: Graph): string =>
  JSON.stringify(
    Object.entries(graph).map(([id, node]) => [
      id,
      Object.keys(node),
      node.class_type,
      Object.keys(node.inputs),
    ]),
  );

const leavesThatDiffer = (graph: Graph, template: Graph): string[] =>
  Object.entries(graph).flatMap(([id, { inputs }]) =>
    Object.entries(inputs).flatMap(([input, value]) =>
      JSON.stringify(value) === JSON.stringify(template[id]?.inputs[input])
        ? []
        : [`${id}.${input}`],
    ),
  );

const buildsOf = (workflow: Workflow, parameters: Parameters): Graph[] =>
  (workflow.variants ?? [undefined]).flatMap((variant) =>
    [['image'], workflow.inputs.map(({ role }) => role)].map((roles) =>
      workflow.build(parameters, {
        images: Object.fromEntries(roles.map((role) => [role, `${role}.png`])),
        filenamePrefix: 'hom/p',
        ...(variant !== undefined && { variant }),
      }),
    ),
  );

describe.each(WORKFLOWS)('whatever a person sends to $id', (workflow) => {
  const templates = buildsOf(workflow, probeParameters(workflow));

  it('reaches only the allow-listed leaves of the graph', { timeout: 30_000 }, () => {
    let accepted = 0;
    fc.assert(
      fc.property(bodyFor(workflow), fc.constantFrom('json', 'form'), (body, source) => {
        const checked = checkParameters(workflow, body, source);
        if (!checked.ok) return;
        accepted += 1;
        buildsOf(workflow, checked.parameters).forEach((graph, at) => {
          expect(shapeOf(graph)).toBe(shapeOf(templates[at]!));
          for (const leaf of leavesThatDiffer(graph, templates[at]!)) {
            expect(LEAVES[workflow.id]).toContain(leaf);
            const [id, input] = leaf.split('.') as [string, string];
            const value = graph[id]!.inputs[input];
            expect(['string', 'number']).toContain(typeof value);
            const list = FROM_LISTS[leaf];
            if (list) expect(value).toMatch(list);
            if (input === 'text') expect(value).not.toMatch(/embedding:/i);
          }
        });
      }),
      { numRuns: 300 },
    );
    // The property must have been looked at, not avoided by refusing everything.
    expect(accepted).toBeGreaterThan(50);
  });
});
