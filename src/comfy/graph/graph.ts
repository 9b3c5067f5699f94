import { NODE_CATALOGUE, type NodeClassName } from './node-catalogue.js';

/** A graph in ComfyUI's API format (comfyui-protocol §2.1): what POST /prompt takes. */
export type Graph = Readonly<Record<string, GraphNode>>;

export interface GraphNode {
  readonly class_type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly _meta?: { readonly title: string };
}

/** One output of a node, with the type that ComfyUI checks. Only the builder makes them. */
export interface Link<Type extends string> {
  readonly nodeId: string;
  readonly slot: number;
  readonly type: Type;
}

type Literal<Type extends string> = Type extends 'STRING' | 'COMBO'
  ? string
  : Type extends 'INT' | 'FLOAT'
    ? number
    : Type extends 'BOOLEAN'
      ? boolean
      : never;

/** `*` takes an output of any type. */
type Value<Type extends string> = Type extends '*' ? Link<string> : Literal<Type> | Link<Type>;

type InputsOf<Declared extends Readonly<Record<string, string>>> = {
  readonly [Name in keyof Declared as Name extends `${string}?` ? never : Name]: Value<
    Declared[Name]
  >;
} & {
  readonly [Name in keyof Declared as Name extends `${infer Bare}?` ? Bare : never]?: Value<
    Declared[Name]
  >;
};

export type Inputs<Name extends NodeClassName> = InputsOf<(typeof NODE_CATALOGUE)[Name]['inputs']>;

export type Outputs<Name extends NodeClassName> = {
  readonly [
    Output in keyof (typeof NODE_CATALOGUE)[Name]['outputs']
  ]: (typeof NODE_CATALOGUE)[Name]['outputs'][Output] extends infer Type extends string
    ? Link<Type>
    : never;
};

const isLink = (value: unknown): value is Link<string> =>
  typeof value === 'object' && value !== null && 'slot' in value;

/**
 * Builds a graph node by node. Links are made by output name and checked by type at compile time;
 * ids are given by the workflow, so that progress and outputs can be mapped by id.
 */
export class GraphBuilder {
  private readonly nodes: Record<string, GraphNode> = {};

  /** Adds a node and returns its outputs by name. Throws on an id that is taken. */
  add<Name extends NodeClassName>(
    id: string,
    className: Name,
    inputs: Inputs<Name>,
  ): Outputs<Name> {
    if (this.nodes[id]) throw new Error(`The node id ${id} is used twice.`);
    this.nodes[id] = {
      class_type: className,
      inputs: Object.fromEntries(
        Object.entries(inputs).map(([name, value]) => [
          name,
          isLink(value) ? [value.nodeId, value.slot] : value,
        ]),
      ),
    };
    const outputs = Object.entries(NODE_CATALOGUE[className].outputs).map(
      ([name, type], slot) => [name, { nodeId: id, slot, type }] as const,
    );
    return Object.fromEntries(outputs) as Outputs<Name>;
  }

  build(): Graph {
    return { ...this.nodes };
  }
}
