/** Output nodes: files with counted names, and texts (protocol §5). */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { encodeAnimation, encodePng } from '../pictures/codec.js';
import type { FileItem, FolderType } from '../folders.js';
import { image, type Image } from '../values.js';
import type { NodeInputs, NodeJob, NodeLibrary, NodeResult } from './node.js';

/** Five letters of the server's own, as the real temp previews have. */
const LETTERS = String.fromCharCode(...randomBytes(5).map((byte) => 97 + (byte % 26)));
const TEMP_PREFIX = `ComfyUI_temp_${LETTERS}`;

const saveFrames = async (
  picture: Image,
  prefix: string,
  type: FolderType,
  job: NodeJob,
): Promise<NodeResult> => {
  const names = job.folders.allocate(type, prefix, picture);
  const items: FileItem[] = [];
  for (const frame of picture.frames) {
    const { file, item } = names.next('_.png');
    await writeFile(file, await encodePng(picture, frame, job.embedded));
    items.push(item);
  }
  return { outputs: [picture], ui: { images: items } };
};

const saveAnimation = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const picture = inputs.image('images');
  const names = job.folders.allocate('output', inputs.text('filename_prefix'), picture);
  const { file, item } = names.next('_.webp');
  const quality = { quality: inputs.number('quality'), lossless: inputs.flag('lossless') };
  const options = { fps: inputs.number('fps'), loop: 0, ...quality };
  await writeFile(file, await encodeAnimation(picture, 'webp', options));
  return { outputs: [picture], ui: { images: [item], animated: [true] } };
};

/** GIF and WEBP are written without ffmpeg, with a PNG of the first frame beside them (§4). */
const combineVideo = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const picture = inputs.image('images');
  const format = inputs.text('format');
  const kind = { 'image/gif': 'gif', 'image/webp': 'webp' }[format];
  if (kind !== 'gif' && kind !== 'webp') throw new Error('ffmpeg is required for video outputs');
  const type = inputs.flag('save_output') ? 'output' : 'temp';
  const names = job.folders.allocate(type, inputs.text('filename_prefix'), picture);
  const still = names.next('.png');
  const moving = names.again(`.${kind}`);
  const first = picture.frames[0] ?? new Uint8Array();
  await writeFile(still.file, await encodePng(picture, first, job.embedded));
  const back = inputs.flag('pingpong') ? picture.frames.slice(1, -1).reverse() : [];
  const all = image(picture.width, picture.height, [...picture.frames, ...back]);
  const frame_rate = inputs.number('frame_rate');
  const options = {
    fps: frame_rate,
    loop: inputs.number('loop_count'),
    quality: 80,
    lossless: false,
  };
  await writeFile(moving.file, await encodeAnimation(all, kind, options));
  const { filename: workflow } = still.item;
  const item = { ...moving.item, format, frame_rate, workflow, fullpath: moving.file };
  return { outputs: [[true, [still.file, moving.file]]], ui: { gifs: [item] } };
};

const showText = (value: unknown): NodeResult => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return { outputs: [text], ui: { text: [text] } };
};

export const SAVE_NODES: NodeLibrary = {
  SaveImage: (inputs, job) =>
    saveFrames(inputs.image('images'), inputs.text('filename_prefix'), 'output', job),
  PreviewImage: (inputs, job) => saveFrames(inputs.image('images'), TEMP_PREFIX, 'temp', job),
  SaveAnimatedWEBP: saveAnimation,
  VHS_VideoCombine: combineVideo,
  /** Writes no file and gives no `executed`: the picture goes over the socket. */
  SaveImageWebsocket: async (inputs, job) => {
    const picture = inputs.image('images');
    for (const [index, frame] of picture.frames.entries()) {
      job.sendPicture(await encodePng(picture, frame));
      await job.report(index + 1, picture.frames.length);
    }
    return { outputs: [] };
  },
  PreviewAny: (inputs) => showText(inputs.values['source']),
  'ShowText|pysssss': (inputs) => showText(inputs.values['text']),
};
