import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type TestSandbox } from '../../support/sandbox.js';
import { execute, fetchFile, graphOf, overlap, pixelsOf, sample } from './studio.js';
import { shareChanged, upload, type Graph, type HistoryEntry } from './studio.js';

const PERSON = 'person-astronaut';
const SIZE = { width: 512, height: 512 };

/** White inside a circle, black outside. */
const spot = (x: number, y: number, radius: number): Buffer =>
  Buffer.from(
    Uint8Array.from({ length: 512 * 512 }, (_, at) =>
      Math.hypot((at % 512) - x, Math.floor(at / 512) - y) < radius ? 255 : 0,
    ),
  );

describe('the graphs of the other workflows', () => {
  let sandbox: TestSandbox;
  const mask = spot(173, 384, 42);
  beforeAll(async () => {
    sandbox = await startSandbox();
    await upload(sandbox.url, 'cup.png', sample('product-coffee-cup'));
    await upload(sandbox.url, 'person.png', sample(PERSON));
    const raw = { width: 512, height: 512, channels: 1 } as const;
    await upload(sandbox.url, 'mask.png', await sharp(mask, { raw }).png().toBuffer());
  });
  afterAll(() => sandbox.stop());

  const run = async (graph: Graph): Promise<HistoryEntry> => {
    const entry = await execute(sandbox.url, graph);
    expect(entry.status.messages.at(-1)).toEqual(['execution_success', expect.anything()]);
    return entry;
  };
  const picture = (entry: HistoryEntry, id: string, key = 'images') =>
    fetchFile(sandbox.url, entry.outputs[id]?.[key]?.[0]);
  const withMask = (graph: Graph, source: [string, number]): Graph => ({
    ...graph,
    '90': { class_type: 'MaskToImage', inputs: { mask: source } },
    '91': { class_type: 'PreviewImage', inputs: { images: ['90', 0] } },
  });

  const apparel = (): Graph =>
    graphOf('apparel', {
      1: { image: 'person.png' },
      30: { text: 'in a green garden' },
      62: { steps: 4 },
    });
  const VARIANTS: Record<string, () => Graph> = {
    'deepfashion and SAM': apparel,
    'SAM 3.1': () => {
      const { '11': _, '12': __, ...graph } = apparel();
      graph['110'] = {
        class_type: 'CheckpointLoaderSimple',
        inputs: { ckpt_name: 'sam3.1_multiplex_fp16.safetensors' },
      };
      graph['111'] = {
        class_type: 'CLIPTextEncode',
        inputs: { text: 'suit:5', clip: ['110', 1] },
      };
      graph['13'] = {
        class_type: 'SAM3_Detect',
        inputs: {
          model: ['110', 0],
          image: ['2', 0],
          conditioning: ['111', 0],
          threshold: 0.5,
          refine_iterations: 2,
          individual_masks: false,
        },
      };
      return graph;
    },
    'GroundingDINO and SAM': () => {
      const { '11': _, '12': __, ...graph } = apparel();
      graph['110'] = {
        class_type: 'SAMModelLoader (segment anything)',
        inputs: { model_name: 'sam_vit_b (375MB)' },
      };
      graph['111'] = {
        class_type: 'GroundingDinoModelLoader (segment anything)',
        inputs: { model_name: 'GroundingDINO_SwinT_OGC (694MB)' },
      };
      graph['112'] = {
        class_type: 'GroundingDinoSAMSegment (segment anything)',
        inputs: {
          sam_model: ['110', 0],
          grounding_dino_model: ['111', 0],
          image: ['2', 0],
          prompt: 'orange suit',
          threshold: 0.3,
        },
      };
      graph['13'] = { class_type: 'ImpactFlattenMask', inputs: { masks: ['112', 1] } };
      return graph;
    },
  };

  it.each(Object.keys(VARIANTS))('keeps the garment and paints another place: %s', async (name) => {
    const entry = await run(withMask(VARIANTS[name]?.() ?? {}, ['13', 0]));
    const truth = await pixelsOf(sample(`masks/${PERSON}-garment`), SIZE, true);
    const found = await pixelsOf(await picture(entry, '91'), SIZE, true);
    expect(overlap(found, truth)).toBeGreaterThan(0.75);
    const after = await pixelsOf(await picture(entry, '80'), SIZE);
    const before = await pixelsOf(sample(PERSON), SIZE);
    expect(shareChanged(before, after, truth, 20)).toBeGreaterThan(0.75);
    const kept = found.map((value, at) => ((truth[at] ?? 0) > 127 && value > 250 ? 0 : 255));
    expect(shareChanged(before, after, kept, 20)).toBeLessThan(0.05);
  });

  it('changes the background with BrushNet', async () => {
    const cup = { width: 600, height: 400 };
    const graph = graphOf('brushnet', {
      1: { image: 'cup.png' },
      30: { text: 'blue studio' },
      62: { steps: 4 },
    });
    const after = await pixelsOf(await picture(await run(graph), '80'), cup);
    const before = await pixelsOf(sample('product-coffee-cup'), cup);
    const subject = await pixelsOf(sample('masks/product-coffee-cup'), cup, true);
    expect(shareChanged(before, after, subject, 25)).toBeGreaterThan(0.9);
    const outside = subject.map((value) => 255 - value);
    expect(shareChanged(before, after, outside, 25)).toBeLessThan(0.05);
  });

  it('turns the product once around in 21 frames, as GIF and as WEBP', async () => {
    const entry = await run(graphOf('sv3d', { 1: { image: 'cup.png' }, 62: { steps: 4 } }));
    const [item] = (entry.outputs['80']?.['gifs'] ?? []) as unknown as Record<string, unknown>[];
    expect(item).toMatchObject({
      format: 'image/gif',
      frame_rate: 7,
      workflow: 'turntable_00001.png',
      filename: 'turntable_00001.gif',
      subfolder: 'jobs/JOB_ID',
    });
    expect(entry.outputs['81']?.['animated']).toEqual([true]);
    for (const [id, key] of [
      ['80', 'gifs'],
      ['81', 'images'],
    ] as const) {
      const file = await picture(entry, id, key);
      const { pages, width, pageHeight } = await sharp(file, { animated: true }).metadata();
      expect([pages, width, pageHeight]).toEqual([21, 576, 576]);
      const frames = await Promise.all(
        [0, 5, 10, 20].map((page) => sharp(file, { page }).removeAlpha().raw().toBuffer()),
      );
      const [front, side, back, end] = frames as [Buffer, Buffer, Buffer, Buffer];
      const none = new Uint8Array(576 * 576);
      expect(shareChanged(front, side, none, 25)).toBeGreaterThan(0.1);
      expect(shareChanged(front, back, none, 25)).toBeGreaterThan(0.1);
      expect(shareChanged(front, end, none, 25)).toBeLessThan(0.01);
    }
  });

  it.each([
    ['MoonDream', { image: ['2', 0], question: 'Describe it.' }],
    ['Moondream2model', { image: ['2', 0], text_input: 'Describe it.' }],
    [
      'MoondreamQuery',
      { images: ['2', 0], question: 'What?', keep_model_loaded: false, model: 'moondream2' },
    ],
  ])('describes the picture and says that no model did: %s', async (class_type, inputs) => {
    const graph = {
      ...graphOf('moondream', { 1: { image: 'cup.png' } }),
      '10': { class_type, inputs },
    };
    const [text] = ((await run(graph)).outputs['80']?.['text'] ?? []) as unknown as string[];
    expect(text).toMatch(/^Sandbox description/);
    expect(text).toMatch(/red|burgundy|terracotta/);
    expect(text).toMatch(/glossy/);
  });

  it('mends what the mask covers and nothing else but the face and the mark', async () => {
    const graph = graphOf('magic', {
      1: { image: 'person.png' },
      3: { image: 'mask.png' },
      62: { steps: 4 },
    });
    graph['90'] = {
      class_type: 'SaveImage',
      inputs: { images: ['2', 0], filename_prefix: 'scaled' },
    };
    const entry = await run(graph);
    const after = await pixelsOf(await picture(entry, '80'), SIZE);
    const before = await pixelsOf(await picture(entry, '90'), SIZE);
    const inside = mask.map((value) => 255 - value);
    expect(shareChanged(before, after, inside, 20)).toBeGreaterThan(0.5);
    const [around, face] = [spot(173, 384, 70), spot(225, 110, 110)];
    const elsewhere = mask.map((_, at) => {
      const isMark = at % 512 > 400 && at > 512 * 480;
      return isMark ? 255 : Math.max(around[at] ?? 0, face[at] ?? 0);
    });
    expect(shareChanged(before, after, elsewhere, 12)).toBeLessThan(0.002);
  });

  it('mends without a mask, and spot by spot', async () => {
    const plain = graphOf('magic', { 1: { image: 'person.png' }, 71: { image: ['2', 0] } });
    for (const id of ['3', '14', '15', '26', '60', '61', '62', '63', '64']) delete plain[id];
    await run(plain);
    const spots = graphOf('magic', { 1: { image: 'person.png' }, 3: { image: 'mask.png' } });
    const { image: _, bbox_detector: __, ...detail } = { ...spots['71']?.inputs };
    for (const id of ['14', '15', '26', '60', '61', '62', '63', '64']) delete spots[id];
    spots['16'] = {
      class_type: 'MaskToSEGS',
      inputs: {
        mask: ['3', 0],
        combined: false,
        crop_factor: 2,
        bbox_fill: false,
        drop_size: 10,
        contour_fill: true,
      },
    };
    const inputs = { ...detail, image: ['2', 0], segs: ['16', 0], guide_size: 768, denoise: 0.45 };
    spots['65'] = { class_type: 'DetailerForEach', inputs };
    Object.assign(spots['71']?.inputs ?? {}, { image: ['65', 0] });
    await run(spots);
  });

  it('scales, sharpens and frames a picture, and lays several on one sheet', async () => {
    const node = (class_type: string, inputs: Record<string, unknown>) => ({ class_type, inputs });
    const entry = await run({
      '1': node('LoadImage', { image: 'cup.png' }),
      '2': node('ImageScaleBy', { image: ['1', 0], upscale_method: 'lanczos', scale_by: 0.5 }),
      '3': node('ImageSharpen', { image: ['2', 0], sharpen_radius: 1, sigma: 1, alpha: 1 }),
      '4': node('ImagePadForOutpaint', {
        image: ['3', 0],
        left: 16,
        top: 16,
        right: 16,
        bottom: 16,
        feathering: 0,
      }),
      '5': node('SaveImage', { images: ['4', 0], filename_prefix: 'framed' }),
      '6': node('ImageBatch', { image1: ['4', 0], image2: ['1', 0] }),
      '7': node('SaveImage', { images: ['6', 0], filename_prefix: 'batch' }),
      '8': node('ImageStitch', {
        image1: ['4', 0],
        image2: ['1', 0],
        direction: 'right',
        match_image_size: true,
        spacing_width: 8,
        spacing_color: 'white',
      }),
      '9': node('SaveImage', { images: ['8', 0], filename_prefix: 'sheet' }),
    });
    const sizeOf = async (id: string) => {
      const { width, height } = await sharp(await picture(entry, id)).metadata();
      return [width, height];
    };
    expect(await sizeOf('5')).toEqual([332, 232]);
    expect(entry.outputs['7']?.['images']).toHaveLength(2);
    expect(await sizeOf('9')).toEqual([332 + 8 + 348, 232]);
  });
});
