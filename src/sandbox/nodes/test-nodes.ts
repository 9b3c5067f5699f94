/**
 * What only the recordings need (recordings README): the recorder's two nodes, timed steps and a
 * failure, and two core nodes that are done in name only. Offered with `--control` alone.
 */
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodePng, encodePreview } from '../pictures/codec.js';
import { fillFrame } from '../pictures/raster.js';
import { PythonError } from '../python.js';
import { firstFrame, image } from '../values.js';
import type { NodeLibrary } from './node.js';

export const TEST_NODES: NodeLibrary = {
  PeerSteps: async (inputs, job) => {
    const steps = inputs.number('steps');
    const wanted = inputs.text('preview');
    const format = wanted === 'PNG' ? 'png' : 'jpeg';
    const picture = image(32, 32, [fillFrame(32, 32, [0, 0, 255])]);
    for (let step = 1; step <= steps; step += 1) {
      await sleep(inputs.number('step_ms'));
      const preview = wanted === 'none' ? undefined : await encodePreview(picture, format);
      await job.report(step, steps, preview);
    }
    return { outputs: [inputs.image('image')] };
  },
  PeerRaise: (inputs) => {
    throw new PythonError('ValueError', inputs.text('message'));
  },
  ColorTransfer: async (inputs, job) => {
    const picture = inputs.image('image_target');
    const count = picture.frames.length;
    for (let frame = 1; frame <= count; frame += 1) await job.report(frame, count);
    return { outputs: [picture] };
  },
  SaveAnimatedPNG: async (inputs, job) => {
    const picture = inputs.image('images');
    const names = job.folders.allocate('output', inputs.text('filename_prefix'), picture);
    const { file, item } = names.next('_.png');
    await writeFile(file, await encodePng(picture, firstFrame(picture)));
    return { outputs: [picture], ui: { images: [item], animated: [true] } };
  },
};
