/** A picture as a textured relief: its brightness, smoothed, is the height. An honest cheap model. */
import { loadSharp } from '../pictures/codec.js';
import { drawMark } from '../pictures/mark.js';

const COLUMNS = 96;
const DEPTH = 0.22;
const TEXTURE_SIDE = 1_024;
const MIN_FACES = 48;

interface Heights {
  readonly columns: number;
  readonly rows: number;
  /** 0 to 1. */
  readonly at: (column: number, row: number) => number;
}

const heightsOf = async (picture: Buffer, maxFaces: number): Promise<Heights> => {
  const sharp = await loadSharp();
  const { width, height } = await sharp(picture)
    .autoOrient()
    .toBuffer({ resolveWithObject: true })
    .then(({ info }) => info);
  const ratio = height / width;
  // Front and back have two faces per cell each.
  const cells = Math.max(MIN_FACES, maxFaces) / 4;
  const columns = Math.max(3, Math.min(COLUMNS, Math.floor(Math.sqrt(cells / ratio))));
  const rows = Math.max(3, Math.min(COLUMNS * 2, Math.floor(columns * ratio)));
  const { data, info } = await sharp(picture)
    .autoOrient()
    .flatten({ background: '#000' })
    .greyscale()
    .resize(columns, rows, { fit: 'fill' })
    .blur(1)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { columns, rows, at: (x, y) => (data[(y * columns + x) * info.channels] ?? 0) / 255 };
};

/** The picture's own pixels as the texture, with the mark in a corner. */
const textureOf = async (picture: Buffer): Promise<Buffer> => {
  const sharp = await loadSharp();
  const { data, info } = await sharp(picture)
    .autoOrient()
    .flatten({ background: '#808080' })
    .resize(TEXTURE_SIDE, TEXTURE_SIDE, { fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const frame = new Uint8Array(data);
  drawMark({ width, height, frame }, () => false);
  return sharp(frame, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 88 })
    .toBuffer();
};

const meshOf = ({ columns, rows, at }: Heights) => {
  const size = Math.max(columns, rows) - 1;
  const position: number[] = [];
  const uv: number[] = [];
  const normal: number[] = [];
  const put = (x: number, y: number, z: number, n: readonly number[]) => {
    position.push((x - (columns - 1) / 2) / size, ((rows - 1) / 2 - y) / size, z);
    uv.push(x / (columns - 1), y / (rows - 1));
    const length = Math.hypot(...n);
    normal.push(...n.map((part) => part / length));
  };
  const slope = (x: number, y: number, dx: number, dy: number) =>
    (at(clamp(x - dx, columns), clamp(y - dy, rows)) -
      at(clamp(x + dx, columns), clamp(y + dy, rows))) *
    DEPTH *
    size;
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      put(x, y, at(x, y) * DEPTH, [slope(x, y, 1, 0), -slope(x, y, 0, 1), 2]);
    }
  }
  const back = columns * rows;
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) put(x, y, -0.02, [0, 0, -1]);
  }
  const indices: number[] = [];
  for (let y = 0; y < rows - 1; y += 1) {
    for (let x = 0; x < columns - 1; x += 1) {
      const a = y * columns + x;
      const [b, c, d] = [a + 1, a + columns, a + columns + 1];
      indices.push(a, c, b, b, c, d, back + a, back + b, back + c, back + b, back + d, back + c);
    }
  }
  return { position, uv, normal, indices };
};

const clamp = (value: number, count: number): number => Math.min(Math.max(value, 0), count - 1);

export interface ReliefOptions {
  readonly maxFaces: number;
  readonly isTextured: boolean;
}

/** The picture as a GLB with one mesh of at most `maxFaces` triangles. */
export const reliefOf = async (picture: Buffer, options: ReliefOptions): Promise<Buffer> => {
  const mesh = meshOf(await heightsOf(picture, options.maxFaces));
  const { Document, NodeIO } = await import('@gltf-transform/core');
  const document = new Document();
  document.getRoot().getAsset().generator = 'House of Models sandbox';
  const buffer = document.createBuffer();
  const accessor = (
    type: 'VEC2' | 'VEC3' | 'SCALAR',
    array: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
  ) => document.createAccessor().setType(type).setArray(array).setBuffer(buffer);
  const material = document.createMaterial('relief').setRoughnessFactor(0.8).setMetallicFactor(0);
  if (options.isTextured) {
    const texture = document.createTexture('picture');
    texture.setImage(new Uint8Array(await textureOf(picture))).setMimeType('image/jpeg');
    material.setBaseColorTexture(texture);
  }
  const primitive = document
    .createPrimitive()
    .setIndices(accessor('SCALAR', new Uint32Array(mesh.indices)))
    .setAttribute('POSITION', accessor('VEC3', new Float32Array(mesh.position)))
    .setAttribute('NORMAL', accessor('VEC3', new Float32Array(mesh.normal)))
    .setMaterial(material);
  if (options.isTextured)
    primitive.setAttribute('TEXCOORD_0', accessor('VEC2', new Float32Array(mesh.uv)));
  const node = document
    .createNode('relief')
    .setMesh(document.createMesh('relief').addPrimitive(primitive));
  document.createScene('sandbox').addChild(node);
  return Buffer.from(await new NodeIO().writeBinary(document));
};

/** What the provider shows of a model before it is opened: the texture, seen from the front. */
export const renderingOf = async (picture: Buffer): Promise<Buffer> => {
  const sharp = await loadSharp();
  return sharp(await textureOf(picture))
    .resize(512, 512, { fit: 'contain', background: '#e8e8e8' })
    .webp({ quality: 85 })
    .toBuffer();
};
