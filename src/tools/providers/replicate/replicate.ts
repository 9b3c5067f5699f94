import { download, type DownloadRules } from '../download.js';
import { field, itemsOf, textOf } from '../json.js';
import {
  ProviderError,
  type GarmentCategory,
  type Picture,
  type PreparedTask,
  type ProviderTask,
  type TaskResult,
  type TryOnProvider,
  type TryOnRequest,
} from '../provider.js';
import { ProviderHttp } from '../provider-http.js';
import { blobOf, fileNameOf, frameOf } from '../try-on/person-frame.js';
import { explainPrediction, explainReplicate } from './replicate-errors.js';

export interface ReplicateSettings {
  /** With the version, such as https://api.replicate.com/v1. */
  readonly baseUrl: string;
  readonly token: string;
  /** The id of the model's version. */
  readonly modelVersion: string;
  readonly timeoutMs: number;
  readonly downloads: DownloadRules;
}

/** A lost prediction is looked for among so many pages of the newest ones. */
const PAGES = 5;

/** IDM-VTON as a model on Replicate. */
export class Replicate implements TryOnProvider {
  readonly name = 'replicate';
  readonly isFree = false;
  readonly canCancel = true;
  readonly needsMaskFor: readonly GarmentCategory[] = [];
  private readonly http: ProviderHttp;

  constructor(private readonly settings: ReplicateSettings) {
    this.http = new ProviderHttp({
      baseUrl: settings.baseUrl,
      headers: { authorization: `Bearer ${settings.token}` },
      timeoutMs: settings.timeoutMs,
      explain: explainReplicate,
    });
  }

  get isAvailable(): boolean {
    return this.http.isAvailable;
  }

  /** The person's file has an address of its own at each upload: by it the prediction is known again. */
  async prepare(request: TryOnRequest, signal: AbortSignal): Promise<PreparedTask> {
    const { person, mask, needsCrop } = await frameOf(request);
    const [human, garment, drawn] = await Promise.all([
      this.upload('person', person, signal),
      this.upload('garment', request.garment, signal),
      mask && this.upload('mask', mask, signal),
    ]);
    const input = {
      human_img: human,
      garm_img: garment,
      ...(drawn !== undefined && { mask_img: drawn }),
      garment_des: request.description,
      category: request.category,
      crop: needsCrop,
      steps: request.steps,
      seed: request.seed,
    };
    return { marker: human, body: { version: this.settings.modelVersion, input } };
  }

  /** Without `Prefer: wait`: the id must be on record before anything else happens. */
  async create(prepared: PreparedTask): Promise<string> {
    const answer = await this.http.json({
      method: 'POST',
      path: '/predictions',
      json: prepared.body,
      isPaid: true,
    });
    const id = textOf(answer, 'id');
    if (id === undefined) throw new ProviderError('indeterminate', 'The prediction has no id.');
    return id;
  }

  /** Looks through our newest predictions for one of the person's file with this address. */
  async find(marker: string, signal: AbortSignal): Promise<string | undefined> {
    let path: string | undefined = '/predictions';
    for (let page = 0; page < PAGES && path !== undefined; page += 1) {
      const answer = await this.http.json({ method: 'GET', path, signal });
      const ours = itemsOf(field(answer, 'results')).find(
        (one) => textOf(field(one, 'input'), 'human_img') === marker,
      );
      const id = textOf(ours, 'id');
      if (id !== undefined) return id;
      path = this.ownAddress(textOf(answer, 'next'));
    }
    return undefined;
  }

  async look(id: string, signal: AbortSignal): Promise<ProviderTask> {
    const prediction = await this.http.json({ method: 'GET', path: pathOf(id), signal });
    switch (textOf(prediction, 'status')) {
      case 'starting':
        return { state: 'waiting' };
      case 'processing':
        return { state: 'running', percent: percentIn(textOf(prediction, 'logs') ?? '') };
      case 'succeeded':
        return resultOf(prediction);
      case 'failed':
        return { state: 'failed', error: explainPrediction(textOf(prediction, 'error')) };
      case 'canceled':
      case 'aborted':
        return { state: 'cancelled' };
      default:
        return { state: 'unclear' };
    }
  }

  async cancel(id: string, signal: AbortSignal): Promise<void> {
    await this.http.json({ method: 'POST', path: `${pathOf(id)}/cancel`, signal });
  }

  download(result: TaskResult, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return download(result, this.settings.downloads, signal);
  }

  private async upload(stem: string, picture: Picture, signal: AbortSignal): Promise<string> {
    const form = new FormData();
    form.append('content', blobOf(picture), fileNameOf(stem, picture));
    const answer = await this.http.json({ method: 'POST', path: '/files', form, signal });
    const address = textOf(field(answer, 'urls'), 'get');
    if (address === undefined) throw new ProviderError('unavailable', 'The file has no address.');
    return address;
  }

  /** Our token goes to no other address than the one that the operator gave. */
  private ownAddress(address: string | undefined): string | undefined {
    return address?.startsWith(`${this.settings.baseUrl}/`) ? address : undefined;
  }
}

const pathOf = (id: string): string => `/predictions/${encodeURIComponent(id)}`;

/** Models write a progress bar into their log: ` 43%|####`. */
const percentIn = (logs: string): number | null => {
  const last = [...logs.matchAll(/(\d{1,3})%\|/g)].at(-1)?.[1];
  return last === undefined ? null : Math.min(100, Number(last));
};

/** The output is one address; a list is taken for its first. */
const resultOf = (prediction: unknown): ProviderTask => {
  const output = field(prediction, 'output');
  const url: unknown = Array.isArray(output) ? output[0] : output;
  if (typeof url === 'string' && url !== '') {
    const result = { name: 'image', url, form: 'picture', isOptional: false } as const;
    return { state: 'succeeded', results: [result] };
  }
  const isRemoved = field(prediction, 'data_removed') === true;
  const error = isRemoved
    ? new ProviderError('expired', 'Replicate has removed the result already.')
    : new ProviderError('bad-result', 'The prediction succeeded without a picture.');
  return { state: 'failed', error };
};
