import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type TestSandbox } from '../../support/sandbox.js';
import { readRecording } from './recording.js';
import { Replay } from './replay.js';
import { post, send } from './wire.js';

/** Recorded one after the other on one server, so numbers and files carry over. */
const SCENARIOS = [
  'a-connect-feature-flags-status',
  'b-success-upload-invert-save',
  'c-cached-repeat',
  'd-invalid-prompts',
  'e-runtime-errors',
  'f-interrupt-and-queue-delete',
  'g-two-clients-broadcast-vs-targeted',
  'h-disconnect-and-reconnect',
  'i-uploads-and-view',
  'j-state-endpoints',
  'l-jobs-api',
  'm-client-chosen-prompt-id',
  'n-preview-frames',
] as const;

/** Answers that depend on a race, or that describe the recorder's own machine. */
const NOT_COMPARED = [
  'GET /prompt GET /prompt is the queue length',
  'GET /api/jobs?status=in_progress,pending',
  'GET /api/jobs?sort_by=execution_duration&sort_order=asc&status=completed,failed,cancelled',
  'GET /system_stats',
  'GET /object_info/LoadImage',
  'GET /object_info/CheckpointLoaderSimple',
  'GET /object_info all nodes; body left out',
  'GET /models',
  'GET /models/checkpoints',
  // Of the frontend, which the sandbox does not have.
  '/',
  '/users',
  '/settings',
  '/userdata?dir=workflows',
  '/internal/logs',
  '/i18n',
  '/workflow_templates',
  '/node_replacements',
  '/global_subgraphs',
];

describe('the recorded scenarios of a real server', () => {
  let sandbox: TestSandbox;
  let dataDir: string;
  const ids = new Map<string, string>();
  beforeAll(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'hom-replay-'));
    sandbox = await startSandbox({ control: true, dataDir });
  });
  afterAll(async () => {
    await sandbox.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const remove = (file: string) => () => rm(path.join(dataDir, file));
  const deedsOf: Partial<Record<string, [number, () => Promise<void>][]>> = {
    'c-cached-repeat': [[44, remove('output/other_00001_.png')]],
    'e-runtime-errors': [[1100, remove('input/gone.png')]],
  };

  it.each(SCENARIOS)('replays %s', async (scenario) => {
    // The recorder's blur took so long, and could not be interrupted in the middle.
    const slow = { kind: 'slow', node: 'ImageBlur', ms: 570, times: 0 };
    if (scenario.startsWith('f-')) await post(sandbox.url, '/__control/faults', slow);
    const recording = readRecording(scenario);
    const isHurried = !/^[fh]-/.test(scenario);
    const replay = new Replay(recording, sandbox.url, ids, deedsOf[scenario], isHurried);
    const exchanges = await replay.run();
    await send(sandbox.url, 'DELETE', '/__control/faults');
    expect(exchanges.length).toBeGreaterThan(0);
    for (const { name, recorded, replayed } of exchanges) {
      if (NOT_COMPARED.some((known) => name === known || name === `GET ${known}`)) continue;
      expect.soft(replayed, name).toEqual(recorded);
    }
  });
});
