/**
 * The samplers. What a model would imagine is painted from the words where the latent may be
 * repainted; at a low denoise the area is mended instead; an orbit is turned.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { encodePreview, resize } from '../pictures/codec.js';
import { makeMannequin } from '../pictures/mannequin.js';
import { drawLabel, drawMark } from '../pictures/mark.js';
import { mend } from '../pictures/mend.js';
import { createNoise } from '../pictures/noise.js';
import { fillFrame } from '../pictures/raster.js';
import { paintScene } from '../pictures/scene-painter.js';
import { findIn } from '../pictures/subject-mask.js';
import { turn } from '../pictures/turntable.js';
import { firstFrame, image, type Conditioning, type Image, type Latent } from '../values.js';
import type { NodeInputs, NodeJob, NodeResult } from './node.js';

export const STEP_MS = 30;
const PREVIEW_WIDTH = 256;
/** Below this a sampler keeps most of what is there. */
const REPAINT_FROM = 0.7;

/** With `gpuMs` a sampler takes that long and paints one grey, so that load tests cost no CPU. */
export const sample = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const latent = inputs.latent('latent_image');
  const seed = inputs.number('seed', inputs.number('noise_seed', 0));
  const steps = inputs.number('steps');
  const picture =
    job.gpuMs === undefined ? await imagine(inputs, latent, seed, job) : plain(latent);
  const small = job.wantsPreviews ? await shrink(picture) : undefined;
  for (let step = 1; step <= steps; step += 1) {
    await sleep(job.gpuMs === undefined ? STEP_MS : job.gpuMs / steps);
    const preview = small && (await encodePreview(emerge(small, step / steps, seed), 'jpeg'));
    await job.report(step, steps, preview);
  }
  const sampled: Latent = { kind: 'latent', image: picture };
  return { outputs: [sampled] };
};

const plain = ({ image: { width, height } }: Latent): Image =>
  image(width, height, [fillFrame(width, height, [168, 168, 168])]);

const imagine = async (inputs: NodeInputs, latent: Latent, seed: number, job: NodeJob) => {
  const conditioning = inputs.conditioning('positive');
  const { orbit } = conditioning;
  if (orbit) return markAll(turn(orbit.object, orbit.frames));
  const denoise = inputs.number('denoise', 1);
  if (denoise < REPAINT_FROM && latent.repaint) return mend(latent.image, latent.repaint, denoise);
  return paint(conditioning, latent, seed, job);
};

const paint = async (
  { text, nets }: Conditioning,
  latent: Latent,
  seed: number,
  job: NodeJob,
): Promise<Image> => {
  const { width, height } = latent.image;
  let source = firstFrame(latent.image);
  let repaint = latent.repaint?.data ?? new Uint8Array(width * height).fill(255);
  // A pose net asks for a new person around what is kept: a mannequin takes its place.
  const isFigure = nets.some((net) => /pose/i.test(net));
  if (isFigure) {
    const person = await findIn(latent.image, 'subject', job);
    source = await makeMannequin(latent.image, repaint);
    repaint = repaint.map((value, at) => Math.min(value, 255 - (person.data[at] ?? 0)));
  }
  const frame = await paintScene({ width, height, frame: source, repaint, text, seed });
  const canvas = { width, height, frame };
  drawMark(canvas, (at) => (repaint[at] ?? 0) < 255);
  const scale = Math.max(1, Math.round(Math.min(width, height) / 420));
  if (isFigure) drawLabel(canvas, 'mannequin: no new person', 5 * scale, 5 * scale, scale);
  return { ...image(width, height, [frame]), isMarked: true };
};

const markAll = ({ width, height, frames }: Image): Image => {
  for (const frame of frames) drawMark({ width, height, frame }, () => false);
  return { ...image(width, height, frames), isMarked: true };
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
