/** GrabCut and the morphology around it on one small picture, in OpenCV's WebAssembly. */
import type opencv from '@techstark/opencv-js';
import type { Mat } from '@techstark/opencv-js';

export type OpenCv = typeof opencv;

/** GrabCut's labels. */
export const [OUTSIDE, INSIDE, MAYBE_OUTSIDE, MAYBE_INSIDE] = [0, 1, 2, 3];
const ROUNDS = 3;

export interface SmallPicture {
  readonly width: number;
  readonly height: number;
  readonly frame: Uint8Array;
}

export class MaskBench {
  protected readonly width: number;
  protected readonly height: number;
  protected readonly frame: Uint8Array;
  private readonly owned: { delete(): void }[] = [];

  constructor(
    protected readonly cv: OpenCv,
    picture: SmallPicture,
  ) {
    this.width = picture.width;
    this.height = picture.height;
    this.frame = picture.frame;
  }

  /** WebAssembly's memory is not collected: whatever was made here goes with this call. */
  free(): void {
    for (const thing of this.owned.splice(0)) thing.delete();
  }

  protected own<T extends { delete(): void }>(thing: T): T {
    this.owned.push(thing);
    return thing;
  }

  protected fill(value: (at: number) => number): Mat {
    const mat = this.own(new this.cv.Mat(this.height, this.width, this.cv.CV_8UC1));
    const data = mat.data as Uint8Array;
    for (let at = 0; at < data.length; at += 1) data[at] = value(at);
    return mat;
  }

  protected grabCut(label: (at: number) => number): Mat {
    const { cv } = this;
    const picture = this.own(new cv.Mat(this.height, this.width, cv.CV_8UC3));
    (picture.data as Uint8Array).set(this.frame);
    const labels = this.fill(label);
    const [back, front] = [this.own(new cv.Mat()), this.own(new cv.Mat())];
    cv.grabCut(picture, labels, new cv.Rect(0, 0, 1, 1), back, front, ROUNDS, cv.GC_INIT_WITH_MASK);
    const data = labels.data as Uint8Array;
    return this.fill((at) => ((data[at] ?? 0) % 2 === INSIDE ? 255 : 0));
  }

  protected open(mat: Mat, size: number): void {
    this.morph(mat, this.cv.MORPH_OPEN as number, size);
  }

  protected close(mat: Mat, size: number): void {
    this.morph(mat, this.cv.MORPH_CLOSE as number, size);
  }

  private morph(mat: Mat, operation: number, size: number): void {
    const { cv } = this;
    const kernel = this.own(cv.getStructuringElement(cv.MORPH_ELLIPSE, new cv.Size(size, size)));
    cv.morphologyEx(mat, mat, operation, kernel);
  }

  /** The largest piece with its holes filled. */
  protected largest(mat: Mat, openBy: number, closeBy: number): Uint8Array {
    const { cv } = this;
    this.open(mat, openBy);
    this.close(mat, closeBy);
    const [contours, hierarchy] = [this.own(new cv.MatVector()), this.own(new cv.Mat())];
    cv.findContours(mat, contours, hierarchy, cv.RETR_EXTERNAL, cv.CHAIN_APPROX_NONE);
    let best = { index: -1, area: 0 };
    for (let index = 0; index < Number(contours.size()); index += 1) {
      const area = cv.contourArea(this.own(contours.get(index)));
      if (area > best.area) best = { index, area };
    }
    const out = this.fill(() => 0);
    if (best.index >= 0) cv.drawContours(out, contours, best.index, new cv.Scalar(255), cv.FILLED);
    return Uint8Array.from(out.data as Uint8Array);
  }

  protected orMiddle(found: Uint8Array): Uint8Array {
    const share = found.reduce((sum, value) => sum + value / 255, 0) / found.length;
    if (share > 0.01 && share < 0.95) return found;
    return found.map((_, at) => {
      const x = (at % this.width) / this.width - 0.5;
      const y = Math.floor(at / this.width) / this.height - 0.5;
      return x * x + y * y < 0.12 ? 255 : 0;
    });
  }
}
