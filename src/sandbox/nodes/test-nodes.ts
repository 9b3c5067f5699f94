/** The recorder's two nodes (recordings README): timed steps, and a failure. Tests only. */
import { setTimeout as sleep } from 'node:timers/promises';
import { encodePreview } from '../pictures/codec.js';
import { PythonError } from '../python.js';
import { fillFrame } from '../pictures/raster.js';
import { image } from '../values.js';
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
};
