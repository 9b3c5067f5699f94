/** What the worker gives a node to run with, and what it expects back. */
import type { Folders } from '../folders.js';
import { isRecord, PythonError } from '../python.js';
import type { Preview } from '../socket-hub.js';
import type { Conditioning, Image, Latent, Mask, Segments, Weights } from '../values.js';

export interface NodeJob {
  readonly folders: Folders;
  /** The graph and `extra_pnginfo`, which saved PNGs carry as text chunks (protocol §5). */
  readonly embedded: Readonly<Record<string, unknown>>;
  /** Set: pretend to be a GPU that needs this long for a sampler, and paint nothing costly. */
  readonly gpuMs: number | undefined;
  readonly wantsPreviews: boolean;
  /** Reports a step; throws Interrupted when the prompt was interrupted. */
  readonly report: (value: number, max: number, preview?: Preview) => Promise<void>;
  /** Sends a text frame (binary event 3) to everybody. */
  readonly sayText: (text: string) => void;
  /** Sends a finished picture as a frame of its own, as SaveImageWebsocket does. */
  readonly sendPicture: (picture: Buffer) => void;
}

export interface NodeResult {
  readonly outputs: readonly unknown[];
  /** What `executed` and history show; the values are lists. */
  readonly ui?: Readonly<Record<string, readonly unknown[]>>;
}

type NodeRun = (inputs: NodeInputs, job: NodeJob) => NodeResult | Promise<NodeResult>;
export type NodeLibrary = Readonly<Record<string, NodeRun>>;

/** Thrown out of a step when the prompt was interrupted; ends it without an error. */
export class Interrupted extends Error {}

interface Kinds {
  image: Image;
  mask: Mask;
  latent: Latent;
  conditioning: Conditioning;
  segments: Segments;
  weights: Weights;
}

/** Typed access to the values of a node's inputs; a value of another kind raises TypeError. */
export class NodeInputs {
  constructor(readonly values: Readonly<Record<string, unknown>>) {}

  has(name: string): boolean {
    return this.values[name] !== undefined;
  }

  number(name: string, fallback?: number): number {
    const value = this.values[name] ?? fallback;
    if (typeof value !== 'number') throw wrongType(name, 'number');
    return value;
  }

  text(name: string, fallback?: string): string {
    const value = this.values[name] ?? fallback;
    if (typeof value !== 'string') throw wrongType(name, 'str');
    return value;
  }

  flag(name: string): boolean {
    return this.values[name] === true;
  }

  image = (name: string): Image => this.of('image', name);
  mask = (name: string): Mask => this.of('mask', name);
  latent = (name: string): Latent => this.of('latent', name);
  conditioning = (name: string): Conditioning => this.of('conditioning', name);

  private of<K extends keyof Kinds>(kind: K, name: string): Kinds[K] {
    const value = this.values[name];
    if (!isRecord(value) || value['kind'] !== kind) throw wrongType(name, kind);
    return value as unknown as Kinds[K];
  }

  segments = (name: string): Segments => this.of('segments', name);
  weights = (name: string): Weights => this.of('weights', name);
}

const wrongType = (name: string, kind: string) =>
  new PythonError('TypeError', `input '${name}' is not a ${kind}`);
