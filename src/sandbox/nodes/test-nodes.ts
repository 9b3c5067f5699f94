/** The recorder's two nodes (recordings README): timed steps, and a failure. Tests only. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PythonError } from '../python.js';
import { fillFrame } from '../pictures/raster.js';
import { image } from '../values.js';
import type { NodeLibrary } from './node.js';

export const TEST_LIBRARY: NodeLibrary = {
  PeerSteps: async (inputs, job) => {
    const steps = inputs.number('steps');
    const wanted = inputs.text('preview');
    const format = wanted === 'PNG' ? 'png' : 'jpeg';
    const picture = image(32, 32, [fillFrame(32, 32, [0, 0, 255])]);
    for (let step = 1; step <= steps; step += 1) {
      await sleep(inputs.number('step_ms'));
      await job.report(step, steps, wanted === 'none' ? undefined : { picture, format });
    }
    return { outputs: [inputs.image('image')] };
  },
  PeerRaise: (inputs) => {
    throw new PythonError('ValueError', inputs.text('message'));
  },
};
