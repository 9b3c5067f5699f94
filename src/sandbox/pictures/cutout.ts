/**
 * Finds the subject of a small picture (about 320 pixels) with GrabCut in WebAssembly. Without a
 * face the subject is whatever a rectangle just inside the border holds; with one it is the person,
 * or the garment: the colour that fills the place under the face. Runs in a worker thread only.
 */
import opencv from '@techstark/opencv-js';
import {
  INSIDE,
  MAYBE_INSIDE,
  MAYBE_OUTSIDE,
  MaskBench,
  OUTSIDE,
  type SmallPicture,
} from './mask-bench.js';

export interface CutoutRequest extends SmallPicture {
  readonly wanted: 'subject' | 'garment' | 'face';
}

interface Face {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const INSET = 0.02;
/** A mask of 0 and 255; what no method finds is given as an ellipse in the middle. */
export const cutOut = async (request: CutoutRequest): Promise<Uint8Array> => {
  const cv = await (opencv as unknown as Promise<typeof opencv>);
  const cutter = new Cutter(cv, request);
  try {
    const face = cutter.findFace();
    if (request.wanted === 'face') return cutter.outline(face);
    if (!face) return cutter.cutSubject();
    const person = cutter.cutPerson(face);
    return request.wanted === 'subject' ? person : cutter.cutGarment(face, person);
  } finally {
    cutter.free();
  }
};

class Cutter extends MaskBench {
  /** The one large patch of skin colour with a head's proportions that touches no border. */
  findFace(): Face | undefined {
    const { cv, width, height } = this;
    const skin = this.fill((at) => {
      const [red, green, blue] = this.colourAt(at);
      const sum = red + green + blue + 1;
      const [r, g] = [red / sum, green / sum];
      const isSkin = red > 90 && red - blue > 25 && r > 0.37 && r < 0.5 && g > 0.28 && g < 0.36;
      return isSkin ? 255 : 0;
    });
    this.open(skin, 5);
    this.close(skin, 5);
    const labels = this.own(new cv.Mat());
    const [stats, centres] = [this.own(new cv.Mat()), this.own(new cv.Mat())];
    const count = cv.connectedComponentsWithStats(skin, labels, stats, centres);
    const patches = Array.from({ length: count - 1 }, (_, index) => {
      const value = (column: number) => stats.intAt(index + 1, column);
      return { x: value(0), y: value(1), width: value(2), height: value(3), area: value(4) };
    }).sort((a, b) => b.area - a.area);
    const [first, second] = patches;
    if (!first) return undefined;
    const share = first.area / (width * height);
    const shape = first.height / first.width;
    const density = first.area / (first.width * first.height);
    const isInside = first.x > 1 && first.y > 1 && first.x + first.width < width - 2;
    const isAlone = (second?.area ?? 0) < first.area * 0.4;
    const isHead = shape > 0.95 && shape < 2 && density > 0.45 && density < 0.86;
    const isHigh = first.y + first.height < height * 0.75 && share > 0.006 && share < 0.16;
    return isInside && isAlone && isHead && isHigh ? first : undefined;
  }

  /** An ellipse around the face; black without one. */
  outline(face: Face | undefined): Uint8Array {
    return Uint8Array.from({ length: this.width * this.height }, (_, at) => {
      if (!face) return 0;
      const x = (at % this.width) - face.x - face.width / 2;
      const y = Math.floor(at / this.width) - face.y - face.height / 2;
      return (x / face.width) ** 2 + (y / face.height) ** 2 < 0.3 ? 255 : 0;
    });
  }

  cutSubject(): Uint8Array {
    const { width, height } = this;
    const [x, y] = [
      Math.max(1, Math.round(width * INSET)),
      Math.max(1, Math.round(height * INSET)),
    ];
    const found = this.grabCut((at) => {
      const [column, row] = [at % width, Math.floor(at / width)];
      const isBorder = column < x || row < y || column >= width - x || row >= height - y;
      return isBorder ? OUTSIDE : MAYBE_INSIDE;
    });
    return this.orMiddle(this.largest(found, 5, 9));
  }

  /** Head and shoulders as a stencil to start from; the side borders show what is behind. */
  cutPerson(face: Face): Uint8Array {
    const { width } = this;
    const middle = face.x + face.width / 2;
    const chin = face.y + face.height;
    const border = Math.round(width * 0.031);
    const found = this.grabCut((at) => {
      const [x, y] = [at % width, Math.floor(at / width)];
      const aside = Math.abs(x - middle) / face.width;
      const below = (y - chin) / face.height;
      const head =
        (2 * aside) ** 2 + ((y - face.y - face.height * 0.45) / (face.height * 0.55)) ** 2;
      if (x < border || x >= width - border) return OUTSIDE;
      if (head < 0.7) return INSIDE;
      if (head < 1.25) return MAYBE_INSIDE;
      if (below < -0.1) return aside > 0.8 || y < face.y * 0.6 ? OUTSIDE : MAYBE_OUTSIDE;
      const shoulder = 0.45 + Math.min(1.15, (below + 0.1) * 1.9);
      if (aside < 0.5 && below > -0.05) return INSIDE;
      if (aside < shoulder) return MAYBE_INSIDE;
      return aside > shoulder + 0.75 ? OUTSIDE : MAYBE_OUTSIDE;
    });
    return this.orMiddle(this.largest(found, 5, 19));
  }

  cutGarment(face: Face, person: Uint8Array): Uint8Array {
    const { width } = this;
    const middle = face.x + face.width / 2;
    const chin = face.y + face.height;
    const placeOf = (at: number) => ({
      aside: Math.abs((at % width) - middle) / face.width,
      below: (Math.floor(at / width) - chin) / face.height,
    });
    const mode = this.commonColour((at) => {
      const { aside, below } = placeOf(at);
      return aside < 1.1 && below > 0.1 && below < 1.4;
    });
    const found = this.grabCut((at) => {
      const { aside, below } = placeOf(at);
      const tint = this.tintAt(at);
      const distance = Math.hypot(...tint.map((value, index) => value - (mode[index] ?? 0)));
      if (below < -0.15 || aside > 2.6 || (person[at] ?? 0) === 0) return OUTSIDE;
      if (distance < 16 && aside < 2.1) return INSIDE;
      if (distance < 32) return MAYBE_INSIDE;
      return distance > 60 && (aside > 0.9 || below < 0.2) ? OUTSIDE : MAYBE_OUTSIDE;
    });
    return this.orMiddle(this.largest(found, 5, 15));
  }

  private colourAt(at: number): [number, number, number] {
    const { frame } = this;
    return [frame[at * 3] ?? 0, frame[at * 3 + 1] ?? 0, frame[at * 3 + 2] ?? 0];
  }

  /** Colour mostly without brightness, so that folds and shadows stay together. */
  private tintAt(at: number): [number, number, number] {
    const [red, green, blue] = this.colourAt(at);
    const sum = red + green + blue;
    return [(red / (sum + 30)) * 255, (green / (sum + 30)) * 255, sum * 0.117];
  }

  private commonColour(isAsked: (at: number) => boolean): number[] {
    const counts = new Map<string, number>();
    for (let at = 0; at < this.width * this.height; at += 1) {
      if (!isAsked(at)) continue;
      const key = this.tintAt(at)
        .map((value) => Math.round(value / 14) * 14)
        .join(' ');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const [common] = [...counts].sort(([, a], [, b]) => b - a);
    return (common?.[0] ?? '0 0 0').split(' ').map(Number);
  }
}
