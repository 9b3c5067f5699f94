/**
 * What `/object_info` and `/models` answer. `node-definitions.json` holds the wire shape of every
 * class the sandbox executes: the recorded answers where there is one, else the definitions that
 * were read back from a running server. Its two marks are filled here: `$models:<folder>` with the
 * names in `model-files.json`, `$input` with the files present in the input folder.
 */
import definitions from './node-definitions.json' with { type: 'json' };
import modelFiles from './model-files.json' with { type: 'json' };
import { TEST_NODES } from './nodes/test-nodes.js';

/** `[type, options]`, where a combo is a list of values or `COMBO` with `options` (protocol §2.7). */
export type InputSpec = readonly [type: string | readonly string[], options?: InputOptions];
type InputOptions = Readonly<Record<string, unknown>>;

export interface NodeDefinition {
  readonly input: Readonly<Record<string, Readonly<Record<string, InputSpec>>>>;
  readonly output: readonly string[];
  readonly output_node: boolean;
}

const MODELS: Readonly<Record<string, readonly string[]>> = modelFiles;
const MARK = /^\$models:(.+)$/;
/** What only the recordings need (nodes/test-nodes.ts). */
const TEST_CLASSES = new Set(Object.keys(TEST_NODES));

export class NodeCatalogue {
  private readonly classes = new Map<string, NodeDefinition>();

  constructor(
    private readonly listInputs: () => readonly string[],
    options: { readonly withTestNodes: boolean },
  ) {
    for (const [name, definition] of Object.entries(definitions)) {
      if (options.withTestNodes || !TEST_CLASSES.has(name)) {
        this.classes.set(name, definition as unknown as NodeDefinition);
      }
    }
  }

  get names(): string[] {
    return [...this.classes.keys()];
  }

  find(classType: string): NodeDefinition | undefined {
    const definition = this.classes.get(classType);
    return definition && { ...definition, input: mapValues(definition.input, this.fillSection) };
  }

  private readonly fillSection = (section: Readonly<Record<string, InputSpec>>) =>
    mapValues(section, (spec) =>
      // `hidden` entries are plain strings in the wire shape.
      Array.isArray(spec) ? this.fill(spec) : spec,
    );

  private fill([type, options]: InputSpec): InputSpec {
    const listed = options?.['options'];
    const filled = this.expand(type);
    if (options === undefined) return [filled];
    return [filled, listed === undefined ? options : { ...options, options: this.expand(listed) }];
  }

  private expand<T>(value: T): T | readonly string[] {
    if (typeof value !== 'string') return value;
    if (value === '$input') return this.listInputs();
    const folder = MARK.exec(value)?.[1];
    return folder === undefined ? value : (MODELS[folder] ?? []);
  }
}

export const listModelFolders = (): string[] => Object.keys(MODELS);
export const listModels = (folder: string): readonly string[] | undefined => MODELS[folder];

const mapValues = <T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
