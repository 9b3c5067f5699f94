import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { startSandbox, type TestSandbox } from '../../support/sandbox.js';
import { execute, fetchFile, finished, graphOf, overlap, pixelsOf } from './studio.js';
import { sample, shareChanged, submit, upload } from './studio.js';

const CUP = 'product-coffee-cup';
const SIZE = { width: 600, height: 400 };

describe('the product background graph', () => {
  let sandbox: TestSandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
    await upload(sandbox.url, 'cup.png', sample(CUP));
    await upload(sandbox.url, 'person.png', sample('person-astronaut'));
  });
  afterAll(() => sandbox.stop());

  const paint = async (text: string, seed = 1, image = 'cup.png'): Promise<Buffer> => {
    const graph = graphOf('product', {
      1: { image },
      30: { text },
      62: { noise_seed: seed, steps: 4 },
    });
    const entry = await execute(sandbox.url, graph);
    expect(entry.status.messages.at(-1)?.[0]).toBe('execution_success');
    return fetchFile(sandbox.url, entry.outputs['80']?.['images']?.[0]);
  };

  it('cuts the cup out as a person would', async () => {
    const graph = graphOf('product', { 1: { image: 'cup.png' }, 62: { steps: 4 } });
    delete graph['80'];
    graph['90'] = { class_type: 'MaskToImage', inputs: { mask: ['13', 0] } };
    graph['91'] = { class_type: 'SaveImage', inputs: { images: ['90', 0], filename_prefix: 'm' } };
    const entry = await execute(sandbox.url, graph);
    const found = await fetchFile(sandbox.url, entry.outputs['91']?.['images']?.[0]);
    const truth = await pixelsOf(sample(`masks/${CUP}`), SIZE, true);
    expect(overlap(await pixelsOf(found, SIZE, true), truth)).toBeGreaterThan(0.9);
  });

  it.each(['on white marble in a bright studio', 'on a wooden table in a warm cafe', 'at night'])(
    'puts the cup into another place: %s',
    async (text) => {
      const after = await pixelsOf(await paint(text), SIZE);
      const before = await pixelsOf(sample(CUP), SIZE);
      const subject = await pixelsOf(sample(`masks/${CUP}`), SIZE, true);
      expect(shareChanged(before, after, subject, 25)).toBeGreaterThan(0.9);
    },
  );

  it('pastes the product back pixel for pixel', async () => {
    const graph = graphOf('product', { 1: { image: 'cup.png' }, 62: { steps: 4 } });
    graph['81'] = { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 's' } };
    const entry = await execute(sandbox.url, graph);
    const raw = async (id: string) => {
      const file = await fetchFile(sandbox.url, entry.outputs[id]?.['images']?.[0]);
      return sharp(file).raw().toBuffer({ resolveWithObject: true });
    };
    const [result, source] = [await raw('80'), await raw('81')];
    expect(result.info).toMatchObject({ width: source.info.width, height: source.info.height });
    const truth = await sharp(sample(`masks/${CUP}`))
      .resize(source.info.width, source.info.height, { fit: 'fill' })
      .blur(9)
      .toColourspace('b-w')
      .raw()
      .toBuffer();
    const touched = truth.filter(
      (value, at) => value > 253 && result.data[at * 3] !== source.data[at * 3],
    );
    expect(touched).toHaveLength(0);
  });

  it('paints the same picture for the same words and seed, and another for others', async () => {
    const first = await pixelsOf(await paint('a green studio', 5), SIZE);
    await paint('something else', 5);
    expect((await pixelsOf(await paint('a green studio', 5), SIZE)).equals(first)).toBe(true);
    expect((await pixelsOf(await paint('a green studio', 6), SIZE)).equals(first)).toBe(false);
    const blue = await pixelsOf(await paint('a blue studio', 5), SIZE);
    const [wall] = [3 * 600 * 4 + 30];
    expect(first[wall + 1]).toBeGreaterThan(first[wall + 2] ?? 255);
    expect(blue[wall + 2]).toBeGreaterThan(blue[wall + 1] ?? 255);
  });

  it('keeps the whole person of a portrait', async () => {
    const size = { width: 512, height: 512 };
    const after = await pixelsOf(await paint('blue studio', 1, 'person.png'), size);
    const before = await pixelsOf(sample('person-astronaut'), size);
    const at = (x: number, y: number) => (y * 512 + x) * 3;
    for (const [x, y] of [
      [225, 120],
      [100, 350],
      [240, 200],
      [370, 450],
    ] as const) {
      expect(Math.abs((after[at(x, y)] ?? 0) - (before[at(x, y)] ?? 0))).toBeLessThan(12);
    }
    const corner = at(20, 20);
    expect(after[corner + 2]).toBeGreaterThan(after[corner] ?? 255);
  });

  it('tells every step, with preview pictures when a method is chosen', async () => {
    const socket = new WebSocket(`${sandbox.url.replace('http', 'ws')}/ws?clientId=steps`);
    const steps: number[] = [];
    let previews = 0;
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) {
        if (data.readUInt32BE(0) === 1) previews += 1;
        return;
      }
      const { type, data: body } = JSON.parse(data.toString()) as {
        type: string;
        data: { node?: string; value?: number };
      };
      if (type === 'progress' && body.node === '62') steps.push(body.value ?? 0);
    });
    await new Promise((resolve) => socket.once('open', resolve));
    const graph = graphOf('product', { 1: { image: 'cup.png' }, 62: { noise_seed: 99 } });
    const more = { client_id: 'steps', extra_data: { preview_method: 'auto' } };
    await finished(sandbox.url, await submit(sandbox.url, graph, more));
    socket.terminate();
    expect(steps).toHaveLength(30);
    expect(previews).toBe(30);
  });
});
