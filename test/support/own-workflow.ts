import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * A folder for WORKFLOWS_DIR with the workflow `batch`, which the caller removes: it takes steps of a
 * given time, previews, and saves the picture and its negative from one node.
 */
export const batchWorkflow = async (deadlineSeconds: number): Promise<string> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'hom-own-'));
  await mkdir(path.join(folder, 'batch'));
  const graph = {
    1: { class_type: 'LoadImage', inputs: { image: 'example.png' } },
    2: {
      class_type: 'PeerSteps',
      inputs: { image: ['1', 0], steps: 4, step_ms: 100, preview: 'JPEG', salt: 0 },
    },
    3: { class_type: 'ImageInvert', inputs: { image: ['2', 0] } },
    4: { class_type: 'ImageBatch', inputs: { image1: ['2', 0], image2: ['3', 0] } },
    5: { class_type: 'SaveImage', inputs: { images: ['4', 0], filename_prefix: 'batch' } },
  };
  const manifest = {
    id: 'batch',
    title: 'Batch',
    description: 'A picture and its negative',
    graph: 'graph.json',
    credits: 2,
    deadlineSeconds,
    inputs: [{ role: 'image', node: '1' }],
    parameters: {
      steps: {
        type: 'integer',
        description: 'How many steps',
        minimum: 1,
        maximum: 1_000,
        bind: [{ node: '2', input: 'steps' }],
      },
    },
    outputs: [{ name: 'image', node: '5' }],
  };
  await writeFile(path.join(folder, 'batch', 'graph.json'), JSON.stringify(graph));
  await writeFile(path.join(folder, 'batch', 'workflow.yaml'), JSON.stringify(manifest));
  return folder;
};
