/** A prediction of Replicate's: what it accepts, and what it shows at any moment. */

export type Input = Readonly<Record<string, unknown>>;

export interface PredictionRecord {
  readonly id: string;
  readonly version: string;
  readonly input: Input;
  readonly createdMs: number;
  readonly cancelledMs?: number;
  readonly hasPictures: boolean;
  /** Scripted: overrides of the ended prediction, such as `{status: 'failed', error: 'NSFW …'}`; `ms`: its length. */
  readonly scripted?: Input;
}

/** As the model's schema names them. */
export const CATEGORIES = ['upper_body', 'lower_body', 'dresses'] as const;
const MODEL = 'cuuupid/idm-vton';
const START_SHARE = 0.2;

/** What the model's schema says of an input; an empty list: it is accepted. */
export const faultsOf = (input: Input): string[] => {
  const isText = (name: string) => typeof input[name] === 'string';
  const steps = input['steps'] ?? 30;
  const category = input['category'] ?? 'upper_body';
  return [
    ...['human_img', 'garm_img']
      .filter((name) => !isText(name))
      .map((name) => `${name} is required`),
    ...(typeof steps === 'number' && steps >= 20 && steps <= 40
      ? []
      : ['steps: Must be greater than or equal to 20 and less than or equal to 40']),
    ...(CATEGORIES.some((one) => one === category)
      ? []
      : ['category: must be one of upper_body, lower_body, dresses']),
  ];
};

/** How long it takes. */
const lengthOf = ({ scripted }: PredictionRecord, taskMs: number): number =>
  typeof scripted?.['ms'] === 'number' ? scripted['ms'] : taskMs;

export const hasEnded = (record: PredictionRecord, taskMs: number): boolean =>
  record.cancelledMs !== undefined || Date.now() >= record.createdMs + lengthOf(record, taskMs);

const timeOf = (ms: number): string => new Date(ms).toISOString();

/** The prediction as JSON; `keepMs` after its end its input and output are removed. */
export const showPrediction = (
  record: PredictionRecord,
  { origin, taskMs, keepMs }: { origin: string; taskMs: number; keepMs: number },
) => {
  const { id, version, input, createdMs, cancelledMs, hasPictures, scripted } = record;
  const length = lengthOf(record, taskMs);
  const startedMs = createdMs + length * START_SHARE;
  const endedMs = cancelledMs ?? createdMs + length;
  const isOver = hasEnded(record, taskMs);
  const isStarted = Date.now() >= startedMs;
  const isRemoved = isOver && Date.now() > endedMs + keepMs;
  const percent = Math.min(100, Math.floor(((Date.now() - createdMs) / length) * 100));
  const base = {
    id,
    model: MODEL,
    version,
    input: isRemoved ? {} : input,
    logs: isStarted ? `${percent}%|${'#'.repeat(percent / 10)}| ${percent}/100\n` : '',
    output: null,
    data_removed: isRemoved,
    error: null,
    source: 'api',
    status: isStarted ? 'processing' : 'starting',
    created_at: timeOf(createdMs),
    started_at: isStarted ? timeOf(startedMs) : null,
    completed_at: isOver ? timeOf(endedMs) : null,
    urls: {
      get: `${origin}/v1/predictions/${id}`,
      cancel: `${origin}/v1/predictions/${id}/cancel`,
      web: `https://replicate.com/p/${id}`,
    },
    metrics: isOver ? { total_time: (endedMs - createdMs) / 1_000 } : {},
  };
  if (!isOver) return base;
  if (cancelledMs !== undefined) return { ...base, status: 'canceled' };
  if (!hasPictures) return { ...base, status: 'failed', error: 'cannot identify image file' };
  const output = isRemoved ? null : `${origin}/delivery/${id}/output.png`;
  return { ...base, status: 'succeeded', output, ...scripted };
};
