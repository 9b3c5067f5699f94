import { Ajv, type ErrorObject } from 'ajv';
import schema from './manifest.schema.json' with { type: 'json' };
import { Refused, type SourceFile } from './source-file.js';

export interface Binding {
  readonly node: string;
  readonly input: string;
}

export interface ManifestParameter {
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'seed';
  readonly description: string;
  readonly bind: readonly Binding[];
  readonly required?: boolean;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}

export interface ManifestInput {
  readonly role: string;
  readonly node: string;
  readonly input?: string;
  readonly description?: string;
  readonly otherwise?: string;
}

/** What the operator writes beside a graph: see manifest.schema.json. */
export interface Manifest {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly graph: string;
  readonly credits: number;
  readonly deadlineSeconds?: number;
  readonly inputs: readonly ManifestInput[];
  readonly parameters?: Readonly<Record<string, ManifestParameter>>;
  readonly outputs: readonly {
    readonly name: string;
    readonly node: string;
    readonly type?: 'file' | 'text';
  }[];
  readonly steps?: readonly {
    readonly words: string;
    readonly weight: number;
    readonly nodes: readonly string[];
  }[];
}

const isManifest = new Ajv({ allowUnionTypes: true }).compile<Manifest>(schema);

const pathOf = ({ instancePath, params }: ErrorObject): string[] => {
  const own = instancePath.split('/').slice(1);
  const extra: unknown = (params as Record<string, unknown>)['additionalProperty'];
  return typeof extra === 'string' ? [...own, extra] : own;
};

const reasonOf = (error: ErrorObject): string => {
  const where = pathOf(error).join('.');
  const params = error.params as Record<string, unknown>;
  const what =
    error.keyword === 'additionalProperties'
      ? 'is not known'
      : error.keyword === 'enum'
        ? `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`
        : (error.message ?? 'is not valid');
  return where === '' ? what : `${where} ${what}`;
};

/** Throws {@link Refused} with the line of the first fault. */
export const readManifest = (file: SourceFile): Manifest => {
  const content = file.content;
  if (isManifest(content)) return content;
  const [error] = isManifest.errors ?? [];
  throw error
    ? new Refused(file, pathOf(error), reasonOf(error))
    : new Refused(file, [], 'is not valid');
};
