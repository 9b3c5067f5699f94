/** Small capital letters for labels, and the "sandbox" mark that keeps off the subject. */
import glyphs from './glyphs.json' with { type: 'json' };

const GLYPHS: Readonly<Record<string, number[]>> = glyphs;
const [COLUMNS, ROWS, ADVANCE] = [5, 7, 6];
const MARK = 'sandbox';

export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** RGB, changed in place. */
  readonly frame: Uint8Array;
}

/** Writes white letters on a dark plate whose corner is at (left, top). */
export const drawLabel = (
  canvas: Canvas,
  text: string,
  left: number,
  top: number,
  scale: number,
) => {
  const plate = plateOf(text, scale);
  for (let y = 0; y < plate.height; y += 1) {
    for (let x = 0; x < plate.width; x += 1) {
      const [column, row] = [Math.floor(x / scale) - 2, Math.floor(y / scale) - 2];
      const glyph = GLYPHS[text[Math.floor(column / ADVANCE)] ?? ' '];
      const bit = column < 0 || column % ADVANCE >= COLUMNS ? 0 : 16 >> (column % ADVANCE);
      const isInk = row >= 0 && row < ROWS && ((glyph?.[row] ?? 0) & bit) !== 0;
      const [px, py] = [left + x, top + y];
      if (px < 0 || py < 0 || px >= canvas.width || py >= canvas.height) continue;
      const at = (py * canvas.width + px) * 3;
      canvas.frame.fill(isInk ? 244 : 52, at, at + 3);
    }
  }
};

const plateOf = (text: string, scale: number) => ({
  width: (text.length * ADVANCE + 3) * scale,
  height: (ROWS + 4) * scale,
});

/** Marks the picture as a sandbox result in the corner that covers least of what is kept. */
export const drawMark = (canvas: Canvas, isKept: (at: number) => boolean): void => {
  const { width, height } = canvas;
  const scale = Math.max(1, Math.round(Math.min(width, height) / 420));
  const plate = plateOf(MARK, scale);
  const margin = 5 * scale;
  const [far, low] = [width - plate.width - margin, height - plate.height - margin];
  const corners = [
    [far, low],
    [margin, low],
    [far, margin],
    [margin, margin],
  ] as const;
  const covered = corners.map(([left, top]) => {
    let count = 0;
    for (let y = top; y < top + plate.height; y += 1) {
      for (let x = left; x < left + plate.width; x += 1) if (isKept(y * width + x)) count += 1;
    }
    return count;
  });
  const [left, top] = corners[covered.indexOf(Math.min(...covered))] ?? corners[0];
  drawLabel(canvas, MARK, left, top, scale);
};
