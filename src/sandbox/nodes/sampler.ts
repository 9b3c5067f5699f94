/** The samplers: another place is painted where the latent may be repainted, step by step. */
import { setTimeout as sleep } from 'node:timers/promises';
import { encodePreview, resize } from '../pictures/codec.js';
import { paintScene } from '../pictures/scene-painter.js';
import { drawMark } from '../pictures/mark.js';
import { createNoise } from '../pictures/noise.js';
import { fillFrame } from '../pictures/raster.js';
import { firstFrame, image, type Image, type Latent } from '../values.js';
import type { NodeInputs, NodeJob, NodeResult } from './node.js';

const STEP_MS = 30;
const PREVIEW_WIDTH = 256;

/** With `gpuMs` a sampler takes that long and paints one grey, so that load tests cost no CPU. */
export const sample = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const latent = inputs.latent('latent_image');
  const seed = inputs.number('seed', inputs.number('noise_seed', 0));
  const steps = inputs.number('steps');
  const picture = job.gpuMs === undefined ? paint(inputs, latent, seed) : greyOf(latent.image);
  const small = job.wantsPreviews ? await shrink(picture) : undefined;
  for (let step = 1; step <= steps; step += 1) {
    await sleep(job.gpuMs === undefined ? STEP_MS : job.gpuMs / steps);
    const preview = small && (await encodePreview(emerge(small, step / steps, seed), 'jpeg'));
    await job.report(step, steps, preview);
  }
  const sampled: Latent = { kind: 'latent', image: picture };
  return { outputs: [sampled] };
};

const greyOf = ({ width, height }: Image): Image =>
  image(width, height, [fillFrame(width, height, [168, 168, 168])]);

const paint = (inputs: NodeInputs, latent: Latent, seed: number): Image => {
  const { width, height } = latent.image;
  const repaint = latent.repaint?.data ?? new Uint8Array(width * height).fill(255);
  const { text } = inputs.conditioning('positive');
  const source = firstFrame(latent.image);
  const place = { width, height, frame: source, repaint, text, seed };
  const frame = paintScene(place);
  drawMark({ width, height, frame }, (at) => (repaint[at] ?? 0) < 255);
  return image(width, height, [frame]);
};

const shrink = (picture: Image): Promise<Image> =>
  resize(picture, PREVIEW_WIDTH, Math.round((picture.height / picture.width) * PREVIEW_WIDTH));

/** What a preview shows: noise from which the picture emerges. */
const emerge = (picture: Image, share: number, seed: number): Image => {
  const noise = createNoise(seed >>> 0);
  const frame = firstFrame(picture).map((value, at) => {
    const pixel = Math.floor(at / 3);
    const grain = noise((pixel % picture.width) * 0.9, pixel / picture.width + (at % 3) * 57) * 255;
    return value * share + grain * (1 - share);
  });
  return image(picture.width, picture.height, [frame]);
};
