/** True when the ICC profile carries this name, as ASCII (version 2) or UTF-16 (version 4). */
export const isProfile = (icc: Buffer | undefined, name: string): boolean =>
  icc !== undefined && (icc.includes(name) || icc.includes(Buffer.from(name, 'utf16le').swap16()));

/** Three rows: what each of red, green and blue in light becomes. */
export type ColourMatrix = readonly (readonly [number, number, number])[];

const XYZ_TO_SRGB: ColourMatrix = [
  [3.1338561, -1.6168667, -0.4906146],
  [-0.9787684, 1.9161415, 0.033454],
  [0.0719453, -0.2289914, 1.4052427],
];
const TAG_TABLE = 128;
/** Closer to sRGB than this is sRGB. */
const TOLERANCE = 0.02;

/** The tag's colour in XYZ; undefined when the profile has no such tag or is damaged. */
const readXyz = (icc: Buffer, signature: string): readonly number[] | undefined => {
  if (icc.length < TAG_TABLE + 4) return undefined;
  const count = Math.min(icc.readUInt32BE(TAG_TABLE), 100);
  for (let index = 0; index < count; index += 1) {
    const entry = TAG_TABLE + 4 + index * 12;
    if (entry + 12 > icc.length) return undefined;
    if (icc.toString('latin1', entry, entry + 4) !== signature) continue;
    const at = icc.readUInt32BE(entry + 4);
    if (at + 20 > icc.length) return undefined;
    return [8, 12, 16].map((offset) => icc.readInt32BE(at + offset) / 65_536);
  }
  return undefined;
};

/**
 * How light in the profile's primaries becomes light in sRGB; undefined: no change is needed, or the
 * profile does not say.
 */
export const matrixToSrgb = (icc: Buffer | undefined): ColourMatrix | undefined => {
  const columns = icc && ['rXYZ', 'gXYZ', 'bXYZ'].map((tag) => readXyz(icc, tag));
  const [red, green, blue] = columns ?? [];
  if (!red || !green || !blue) return undefined;
  const product = (row: readonly number[], column: readonly number[]) =>
    row.reduce((sum, value, index) => sum + value * (column[index] ?? 0), 0);
  const matrix = XYZ_TO_SRGB.map(
    (row) => [product(row, red), product(row, green), product(row, blue)] as const,
  );
  const isSrgb = matrix.every((row, y) =>
    row.every((value, x) => Math.abs(value - (x === y ? 1 : 0)) < TOLERANCE),
  );
  return isSrgb ? undefined : matrix;
};
