/** One measured number. The ratio is value : baseline, both taken in the same run. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** ms, MB, requests/s, … */
  readonly unit: string;
  /** What it is compared with; null where nothing comparable exists. */
  readonly baseline: number | null;
  readonly ratio: number | null;
  /** The limit that the project set itself, in words: "≤ 450 MB". */
  readonly goal: string;
}

/** A figure whose ratio is worked out here. */
export const figure = (
  name: string,
  value: number,
  unit: string,
  { baseline = null, goal = '' }: { baseline?: number | null; goal?: string } = {},
): Figure => ({
  name,
  value: round(value),
  unit,
  baseline: baseline === null ? null : round(baseline),
  ratio: baseline === null ? null : Number((value / baseline).toFixed(3)),
  goal,
});

const round = (value: number): number => Number(value.toFixed(value < 10 ? 2 : 1));

/** The value below which this share of the sample lies; the sample must not be empty. */
export const quantile = (sample: readonly number[], share: number): number => {
  const sorted = sample.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

export const median = (sample: readonly number[]): number => quantile(sample, 0.5);
