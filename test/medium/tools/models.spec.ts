import { validateBytes } from 'gltf-validator';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelHouse } from './model-house.js';

let house: ModelHouse;
beforeAll(async () => {
  house = await ModelHouse.start();
});
afterAll(() => house.stop());

const content = async (fileId: string) => {
  const response = await house.customer.fetch(`/v1/files/${fileId}/content`);
  return new Uint8Array(await response.arrayBuffer());
};

describe('a 3D model', () => {
  it('is a GLB that the validator accepts, with a preview', async () => {
    const before = await house.customer.credits();
    const job = await house.ordered();
    expect(job).toMatchObject({ kind: 'tool', workflow: 'models-3d', status: 'succeeded' });
    expect(job.outputs.map(({ name, file }) => [name, file?.mimeType])).toEqual([
      ['model', 'model/gltf-binary'],
      ['preview', 'image/png'],
    ]);
    const [model, preview] = await Promise.all(job.outputs.map(({ file }) => content(file!.id)));
    const report = await validateBytes(model!);
    expect(report.issues).toMatchObject({ numErrors: 0, numWarnings: 0 });
    expect(report.info).toMatchObject({ hasTextures: true, materialCount: 1 });
    expect(await sharp(preview).metadata()).toMatchObject({ width: 512 });
    const { pathname, search } = new URL(job.outputs[1]!.file!.thumbnailUrl!);
    const thumbnail = await fetch(`${house.house.url}${pathname}${search}`);
    const small = await sharp(Buffer.from(await thumbnail.arrayBuffer())).metadata();
    expect(small).toMatchObject({ format: 'webp', width: 256 });
    expect((await house.customer.credits()).available).toBe(before.available - 30);
  });

  it('is asked for in the words of Tripo3D, and has no more faces than ordered', async () => {
    const job = await house.ordered({ faceLimit: 1_000, texture: false, seed: 7 });
    const [call] = (await house.standIns.calls('tripo', 'create')).slice(-1);
    expect(JSON.parse(call!.body!)).toEqual({
      input: expect.stringMatching(/^file_/) as string,
      model: 'v3.1-20260211',
      texture: false,
      pbr: false,
      face_limit: 1_000,
      model_seed: 7,
      texture_seed: 7,
    });
    const { info, issues } = await validateBytes(await content(job.outputs[0]!.file!.id));
    expect(issues).toMatchObject({ numErrors: 0, numWarnings: 0 });
    expect(info).toMatchObject({ hasTextures: false });
    expect(info['totalTriangleCount']).toBeLessThanOrEqual(1_000);
    expect(info['totalTriangleCount']).toBeGreaterThan(100);
  });

  it('comes without a preview when there is none, and as FBX when that is what came', async () => {
    const fbx = `Kaydara FBX Binary  \u0000\u001a\u0000${'.'.repeat(200)}`;
    await house.script(
      { on: 'result', answer: { status: 200, text: fbx } },
      { on: 'result', times: 9, answer: { status: 500 } },
    );
    const job = await house.ordered({ quad: true });
    await house.script();
    expect(job.status).toBe('succeeded');
    expect(job.outputs.map(({ name, file }) => [name, file?.name])).toEqual([
      ['model', 'model.fbx'],
    ]);
  });

  it('is refused with the fields that do not go together, before anything is charged', async () => {
    const { calls, reserved } = await house.spent('upload', async () => {
      const body = JSON.stringify({
        imageId: house.customer.imageId,
        modelVersion: 'P1-20260311',
        quad: true,
        faceLimit: 20_001,
      });
      const response = await house.customer.fetch('/v1/tools/models-3d', { method: 'POST', body });
      expect(response.status).toBe(400);
      const { errors } = (await response.json()) as { errors: { path: string }[] };
      expect(errors.map(({ path }) => path)).toEqual(['quad', 'faceLimit']);
    });
    expect({ calls, reserved }).toEqual({ calls: 0, reserved: 0 });
  });
});
