/**
 * Validation of a posted graph, rule for rule as the real server does it (protocol §2.1, recording
 * d): class names everywhere, inputs only upstream of the outputs to run, values coerced in place,
 * and a graph with one good output accepted with `node_errors` for the others.
 */
import { checkCombo, checkRange, coerce, isCompatible, item, missing } from './input-checks.js';
import type { ErrorItem } from './input-checks.js';
import type { InputSpec, NodeDefinition } from './node-catalogue.js';
import { exceptionType, isRecord, messageOf, PythonError } from './python.js';
import { repr } from './python.js';

interface NodeErrors {
  readonly errors: readonly ErrorItem[];
  readonly dependent_outputs: string[];
  readonly class_type: unknown;
}

export type Verdict =
  | { readonly ok: true; outputs: string[]; nodeErrors: Record<string, NodeErrors> }
  | { readonly ok: false; error: ErrorItem; nodeErrors: Record<string, NodeErrors> };

/** What validation needs to know of the installation. */
export interface Installation {
  readonly find: (classType: string) => NodeDefinition | undefined;
  /** A node's own check of one input: a text refuses it; undefined means it has no such check. */
  readonly check: (classType: string, input: string, value: unknown) => true | string | undefined;
}

type Graph = Record<string, unknown>;
type Result = { readonly valid: boolean; readonly errors: readonly ErrorItem[] };

/** Throws (a 500 on the wire) for a prompt that is not an object of objects. */
export const validateGraph = (
  graph: unknown,
  targets: unknown,
  installation: Installation,
): Verdict => {
  if (!isRecord(graph)) throw new PythonError('TypeError', 'prompt is not a dict');
  const outputs: string[] = [];
  for (const [id, node] of Object.entries(graph)) {
    if (!isRecord(node)) throw new PythonError('TypeError', 'node is not a dict');
    const meta = node['_meta'];
    const title = isRecord(meta) ? meta['title'] : undefined;
    const classType = node['class_type'];
    const definition = typeof classType === 'string' ? installation.find(classType) : undefined;
    if (!definition) return refuseClass(id, classType, title);
    const isTarget = !Array.isArray(targets) || targets.includes(id);
    if (definition.output_node && isTarget) outputs.push(id);
  }
  if (outputs.length === 0) {
    const error = item('prompt_no_outputs', 'Prompt has no outputs', '', {});
    return { ok: false, error, nodeErrors: {} };
  }
  return validateOutputs(graph, outputs, installation);
};

const refuseClass = (id: string, classType: unknown, title: unknown): Verdict => {
  const name = title ?? classType ?? `ID #${id}`;
  const message =
    classType === undefined
      ? `Node '${repr(name).slice(1, -1)}' has no class_type. The workflow may be corrupted or a custom node is missing.`
      : `Node '${repr(name).slice(1, -1)}' not found. The custom node may not be installed.`;
  const extra = {
    node_id: id,
    class_type: classType ?? null,
    node_title: title ?? classType ?? null,
  };
  const error = item('missing_node_type', message, `Node ID '#${id}'`, extra);
  return { ok: false, error, nodeErrors: {} };
};

const validateOutputs = (graph: Graph, outputs: string[], installation: Installation): Verdict => {
  const validated = new Map<string, Result>();
  const good: string[] = [];
  const nodeErrors: Record<string, NodeErrors> = {};
  const lines: string[] = [];
  for (const output of outputs) {
    let result: Result;
    try {
      result = new NodeValidation(graph, validated, installation).validate(output, []);
    } catch (error) {
      const extra = { exception_type: exceptionType(error), traceback: TRACEBACK };
      const message = 'Exception when validating node';
      const details = messageOf(error);
      result = {
        valid: false,
        errors: [item('exception_during_validation', message, details, extra)],
      };
      validated.set(output, result);
    }
    if (result.valid) {
      good.push(output);
      continue;
    }
    lines.push(...result.errors.map((error) => `${error.message}: ${error.details}`));
    // A node downstream of a fault is invalid too but carries no error of its own: leave it out.
    for (const [id, { valid, errors }] of validated) {
      if (valid || errors.length === 0) continue;
      const node = graph[id];
      const class_type = isRecord(node) ? node['class_type'] : undefined;
      (nodeErrors[id] ??= { errors, dependent_outputs: [], class_type }).dependent_outputs.push(
        output,
      );
    }
  }
  if (good.length > 0) return { ok: true, outputs: good, nodeErrors };
  const type = 'prompt_outputs_failed_validation';
  const error = item(type, 'Prompt outputs failed validation', lines.join('\n'), {});
  return { ok: false, error, nodeErrors };
};

/** Shaped like the real thing; clients must not show it to users (protocol §2.1). */
const TRACEBACK = ['  File "<sandbox>/graph-validation.ts", in validate_inputs\n'];

class NodeValidation {
  constructor(
    private readonly graph: Graph,
    private readonly validated: Map<string, Result>,
    private readonly installation: Installation,
  ) {}

  validate(id: string, visiting: readonly string[]): Result {
    const known = this.validated.get(id);
    if (known) return known;
    if (visiting.includes(id)) return this.refuseCycle(visiting.slice(visiting.indexOf(id)));
    const node = this.node(id);
    if (!isRecord(node['inputs'])) throw new PythonError('KeyError', "'inputs'");
    const classType = String(node['class_type']);
    const { input } = this.definition(classType);
    const errors: ErrorItem[] = [];
    let isUpstreamGood = true;
    for (const [section, specs] of Object.entries(input)) {
      if (section === 'hidden') continue;
      for (const [name, [type, options = {}]] of Object.entries(specs)) {
        const spec: InputSpec = [type, options];
        const value = node['inputs'][name];
        if (value === undefined) {
          if (section === 'required') errors.push(missing(name));
        } else if (Array.isArray(value)) {
          const found = this.checkLink(name, spec, value, [...visiting, id]);
          if (found === 'upstream') isUpstreamGood = false;
          else if (found) errors.push(found);
        } else {
          const found = this.checkValue(classType, name, spec, node['inputs']);
          if (found) errors.push(found);
        }
      }
    }
    const result = { valid: errors.length === 0 && isUpstreamGood, errors };
    const cyclic = this.validated.get(id);
    if (cyclic) return cyclic;
    this.validated.set(id, result);
    return result;
  }

  private node(id: unknown): Record<string, unknown> {
    const node = typeof id === 'string' ? this.graph[id] : undefined;
    if (!isRecord(node)) throw new PythonError('KeyError', repr(id));
    return node;
  }

  private definition(classType: string): NodeDefinition {
    const definition = this.installation.find(classType);
    if (!definition) throw new PythonError('KeyError', repr(classType));
    return definition;
  }

  private refuseCycle(members: readonly string[]): Result {
    const name = (id: string) => `${id} (${String(this.node(id)['class_type'])})`;
    const details = [...members, ...members.slice(0, 1)].map(name).join(' -> ');
    for (const id of members) {
      const extra = { node_id: id, cycle_nodes: members };
      const error = item('dependency_cycle', 'Dependency cycle detected', details, extra);
      this.validated.set(id, { valid: false, errors: [error] });
    }
    return { valid: false, errors: [] };
  }

  private checkLink(name: string, spec: InputSpec, link: unknown[], visiting: readonly string[]) {
    const about = { input_name: name, input_config: spec };
    if (link.length !== 2) {
      const message = 'Bad linked input, must be a length-2 list of [node_id, slot_index]';
      return item('bad_linked_input', message, name, { ...about, received_value: link });
    }
    const [source, slot] = link;
    const outputs = this.definition(String(this.node(source)['class_type'])).output;
    if (typeof slot !== 'number') {
      const kind = typeof slot === 'string' ? 'str' : 'list';
      throw new PythonError('TypeError', `tuple indices must be integers or slices, not ${kind}`);
    }
    const received = outputs.at(slot);
    if (received === undefined) throw new PythonError('IndexError', 'tuple index out of range');
    if (!isCompatible(received, spec[0])) {
      const details = `${name}, received_type(${received}) mismatch input_type(${String(spec[0])})`;
      const message = 'Return type mismatch between linked nodes';
      const extra = { ...about, received_type: received, linked_node: link };
      return item('return_type_mismatch', message, details, extra);
    }
    const id = String(source);
    try {
      return this.validate(id, visiting).valid ? undefined : 'upstream';
    } catch (error) {
      const details = messageOf(error);
      const inner = item(
        'exception_during_inner_validation',
        'Exception when validating inner node',
        details,
        {
          ...about,
          exception_message: details,
          exception_type: exceptionType(error),
          traceback: TRACEBACK,
          linked_node: link,
        },
      );
      this.validated.set(id, { valid: false, errors: [inner] });
      return 'upstream';
    }
  }

  /** Coerces the value in place, as the real server does, then checks it. */
  private checkValue(
    classType: string,
    name: string,
    spec: InputSpec,
    inputs: Record<string, unknown>,
  ): ErrorItem | undefined {
    const raw = inputs[name];
    const value = isRecord(raw) && '__value__' in raw ? raw['__value__'] : raw;
    const about = { input_name: name, input_config: spec };
    try {
      inputs[name] = coerce(spec[0], value);
    } catch (error) {
      const type = String(spec[0]);
      const exception_message = messageOf(error);
      return item(
        'invalid_input_type',
        `Failed to convert an input value to a ${type} value`,
        `${name}, ${typeof value === 'string' ? value : repr(value)}, ${exception_message}`,
        { ...about, received_value: value, exception_message },
      );
    }
    const own = this.installation.check(classType, name, inputs[name]);
    if (own !== undefined) {
      if (own === true) return undefined;
      const message = 'Custom validation failed for node';
      return item('custom_validation_failed', message, `${name} - ${own}`, { input_name: name });
    }
    return checkRange(name, spec, inputs[name]) ?? checkCombo(name, spec, inputs[name]);
  }
}
