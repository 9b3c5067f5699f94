declare module 'gltf-validator' {
  export interface Report {
    issues: { numErrors: number; numWarnings: number; messages: unknown[] };
    info: Record<string, unknown>;
  }
  export function validateBytes(data: Uint8Array): Promise<Report>;
}
