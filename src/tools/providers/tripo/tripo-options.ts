import type { ModelOptions } from '../provider.js';

export const TRIPO_MODEL_VERSIONS = [
  'v3.1-20260211',
  'v3.0-20250812',
  'v2.5-20250123',
  'P1-20260311',
  'P2-20260801',
] as const;

interface FieldFault {
  readonly path: string;
  readonly message: string;
}

/** Faces that a model version accepts, given the other options. */
export const faceLimits = (options: ModelOptions): { min: number; max: number } => {
  const { modelVersion, quad, smartLowPoly, geometryQuality } = options;
  if (modelVersion.startsWith('P1')) return { min: 48, max: 20_000 };
  if (modelVersion.startsWith('P2')) return { min: 48, max: quad ? 25_000 : 50_000 };
  if (smartLowPoly) return quad ? { min: 500, max: 10_000 } : { min: 1_000, max: 20_000 };
  if (modelVersion.startsWith('v2')) return { min: 48, max: 500_000 };
  return { min: 48, max: geometryQuality === 'detailed' ? 2_000_000 : 1_500_000 };
};

/** Options that do not go together; an empty list: Tripo takes them. */
export const optionFaults = (options: ModelOptions): FieldFault[] => {
  const faults: FieldFault[] = [];
  const refuse = (path: keyof ModelOptions, message: string) => faults.push({ path, message });
  const { modelVersion, faceLimit } = options;
  const isP1 = modelVersion.startsWith('P1');
  if (isP1 && options.quad) refuse('quad', `is not offered by ${modelVersion}`);
  if (isP1 && options.smartLowPoly) refuse('smartLowPoly', `is not offered by ${modelVersion}`);
  if (options.geometryQuality !== undefined && !modelVersion.startsWith('v3')) {
    refuse('geometryQuality', 'is offered by the versions v3.x only');
  }
  if (options.pbr === true && options.texture === false) {
    refuse('pbr', 'needs a texture; leave texture out or set it to true');
  }
  if (options.textureQuality !== undefined && options.texture === false) {
    refuse('textureQuality', 'needs a texture; leave texture out or set it to true');
  }
  const { min, max } = faceLimits(options);
  if (faceLimit !== undefined && (faceLimit < min || faceLimit > max)) {
    refuse('faceLimit', `must be from ${min} to ${max} with these options`);
  }
  return faults;
};

/** The options in Tripo's words. P1 refuses some of them even as false, so false is left out. */
export const toTripo = (options: ModelOptions): Record<string, unknown> => ({
  model: options.modelVersion,
  texture: options.texture ?? true,
  pbr: options.pbr ?? options.texture ?? true,
  ...(options.textureQuality && { texture_quality: options.textureQuality }),
  ...(options.geometryQuality && { geometry_quality: options.geometryQuality }),
  ...(options.faceLimit !== undefined && { face_limit: options.faceLimit }),
  ...(options.quad && { quad: true }),
  ...(options.smartLowPoly && { smart_low_poly: true }),
  ...(options.autoSize && { auto_size: true }),
  ...(options.orientation && { orientation: options.orientation }),
  ...(options.seed !== undefined && { model_seed: options.seed, texture_seed: options.seed }),
});
