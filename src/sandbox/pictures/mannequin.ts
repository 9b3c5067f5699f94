/** A plaster figure in place of the person who wears a garment. */
import { firstFrame, type Image } from '../values.js';
import { eachFrame } from './codec.js';

const PLASTER = [232, 227, 220] as const;

/** Outside the kept area only the soft light of the photograph is left, on plaster. */
export const makeMannequin = async (picture: Image, repaint: Uint8Array): Promise<Uint8Array> => {
  const sigma = picture.width / 90;
  const soft = firstFrame(await eachFrame(picture, (pipeline) => pipeline.blur(sigma)));
  const frame = firstFrame(picture);
  return frame.map((kept, channel) => {
    const at = Math.floor(channel / 3);
    const share = (repaint[at] ?? 0) / 255;
    const light = ((soft[at * 3] ?? 0) + (soft[at * 3 + 1] ?? 0) + (soft[at * 3 + 2] ?? 0)) / 765;
    const plaster = (PLASTER[channel % 3] ?? 0) * (0.5 + 0.55 * light);
    return Math.min(255, plaster * share + kept * (1 - share));
  });
};
