/** Impact's detailers: they make a region crisper, or mend it, and leave the rest alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { resizeMask } from '../pictures/codec.js';
import { drawMark } from '../pictures/mark.js';
import { mend, refine } from '../pictures/mend.js';
import { firstFrame, image, type Image, type Mask } from '../values.js';
import type { NodeInputs, NodeJob, NodeLibrary, NodeResult } from './node.js';
import { STEP_MS } from './sampler.js';
import { detect } from './vision-nodes.js';

const countSteps = async (inputs: NodeInputs, job: NodeJob): Promise<void> => {
  const steps = inputs.number('steps');
  for (let step = 1; step <= steps; step += 1) {
    await sleep(job.gpuMs === undefined ? STEP_MS / 3 : job.gpuMs / steps);
    await job.report(step, steps);
  }
};

const isEmpty = ({ data }: Mask): boolean => !data.some((value) => value > 127);

/** A result that no sampler has marked is marked here, away from what was worked on. */
const marked = (picture: Image, area: Mask): Image => {
  if (picture.isMarked) return picture;
  const { width, height } = picture;
  const frame = firstFrame(picture).slice();
  drawMark({ width, height, frame }, (at) => (area.data[at] ?? 0) > 0);
  return { ...image(width, height, [frame]), isMarked: true };
};

const detailFace = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const picture = inputs.image('image');
  const area = await detect(inputs.weights('bbox_detector').name, picture, job);
  let detailed = picture;
  if (!isEmpty(area)) {
    await countSteps(inputs, job);
    detailed = await refine(picture, area, inputs.number('denoise'));
  }
  const result = marked({ ...detailed, ...(picture.isMarked && { isMarked: true }) }, area);
  return { outputs: [result, result, result, area, 'detailer pipe', result] };
};

const detailEach = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const picture = inputs.image('image');
  const area = await resizeMask(inputs.segments('segs').mask, picture.width, picture.height);
  await countSteps(inputs, job);
  return { outputs: [await mend(picture, area, inputs.number('denoise'))] };
};

export const DETAIL_NODES: NodeLibrary = { FaceDetailer: detailFace, DetailerForEach: detailEach };
