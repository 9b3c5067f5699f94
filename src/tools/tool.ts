import type { Picture, PreparedTask, TaskProvider } from './providers/provider.js';

export type ToolId = 'models-3d' | 'try-ons';

/** What a tool is, set up or not. */
export interface ToolKind {
  readonly id: ToolId;
  readonly title: string;
  readonly description: string;
  readonly defaultCredits: number;
  /** What the operator must know before selling it. */
  readonly licence: string;
  /** Which environment variables set it up. */
  readonly setUpWith: string;
}

export const TOOL_KINDS: readonly ToolKind[] = [
  {
    id: 'models-3d',
    title: '3D model',
    description: 'A textured 3D model (GLB) made from one picture, by Tripo3D.',
    defaultCredits: 30,
    licence: "Results are subject to Tripo3D's terms for the operator's account.",
    setUpWith: 'TRIPO_API_KEY',
  },
  {
    id: 'try-ons',
    title: 'Virtual try-on',
    description: 'The person of one picture wears the garment of another, by IDM-VTON.',
    defaultCredits: 8,
    licence:
      'IDM-VTON is licensed CC BY-NC-SA 4.0: its licence does not allow commercial use, whoever hosts it.',
    setUpWith: 'TRYON_URL (Gradio) or TRYON_TOKEN (Replicate)',
  },
];

/** A tool that is set up here, as the lanes run it. */
export interface Tool extends ToolKind {
  readonly provider: TaskProvider;
  readonly concurrency: number;
  readonly pollMs: number;
  /** Brings the pictures to the provider. Safe to repeat. Throws ProviderError. */
  prepare(
    parameters: Readonly<Record<string, unknown>>,
    pictures: ReadonlyMap<string, Picture>,
    signal: AbortSignal,
  ): Promise<PreparedTask>;
}
