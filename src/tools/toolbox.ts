import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Prices } from '../credits/index.js';
import {
  ProviderError,
  type ModelOptions,
  type Picture,
  type TryOnProvider,
  type TryOnRequest,
} from './providers/provider.js';
import { Gradio } from './providers/gradio/gradio.js';
import { Replicate } from './providers/replicate/replicate.js';
import { Tripo } from './providers/tripo/tripo.js';
import { TOOL_KINDS, type Tool, type ToolId, type ToolKind } from './tool.js';

const DOWNLOAD_LIMIT_MS = 300_000;

const kindOf = (id: ToolId): ToolKind => {
  const kind = TOOL_KINDS.find((one) => one.id === id);
  if (!kind) throw new Error(`There is no tool ${id}.`);
  return kind;
};

const pictureOf = (pictures: ReadonlyMap<string, Picture>, role: string): Picture => {
  const picture = pictures.get(role);
  if (!picture) throw new ProviderError('invalid', `The picture "${role}" is missing.`);
  return picture;
};

/** The tools of this installation. */
@Injectable()
export class Toolbox {
  /** Set when Tripo3D is set up: for its balance. */
  readonly tripo: Tripo | undefined;
  /** Set when the try-on is set up: for what it asks of an order. */
  readonly tryOn: TryOnProvider | undefined;
  private readonly byId = new Map<string, Tool>();

  constructor(
    private readonly config: Config,
    prices: Prices,
  ) {
    for (const kind of TOOL_KINDS) prices.declare(kind.id, kind.defaultCredits);
    this.tripo = this.makeTripo();
    if (this.tripo) this.addModels(this.tripo);
    this.tryOn = this.makeTryOn();
    if (this.tryOn) this.addTryOns(this.tryOn);
  }

  find(id: string): Tool | undefined {
    return this.byId.get(id);
  }

  all(): Tool[] {
    return [...this.byId.values()];
  }

  private makeTripo(): Tripo | undefined {
    const { tripo, timeoutMs, resultMaxBytes } = this.config.tools;
    if (tripo.baseUrl === undefined || tripo.apiKey === undefined) return undefined;
    return new Tripo({
      baseUrl: tripo.baseUrl,
      apiKey: tripo.apiKey,
      paths: tripo.paths,
      timeoutMs,
      downloads: {
        hosts: tripo.downloadHosts,
        ownOrigin: new URL(tripo.baseUrl).origin,
        maxBytes: resultMaxBytes,
        timeoutMs: DOWNLOAD_LIMIT_MS,
      },
    });
  }

  private addModels(provider: Tripo): void {
    const { concurrency, pollMs } = this.config.tools.tripo;
    this.byId.set('models-3d', {
      ...kindOf('models-3d'),
      provider,
      concurrency,
      pollMs,
      prepare: (parameters, pictures, signal) =>
        provider.prepare(
          // Checked at submit, and stored as it was checked.
          { image: pictureOf(pictures, 'image'), options: parameters as unknown as ModelOptions },
          signal,
        ),
    });
  }

  private makeTryOn(): TryOnProvider | undefined {
    const { tryOn, timeoutMs, resultMaxBytes } = this.config.tools;
    const { provider, url, token, modelVersion, gradioFunction } = tryOn;
    if (url === undefined) return undefined;
    const downloads = {
      hosts: tryOn.downloadHosts,
      ownOrigin: new URL(url).origin,
      maxBytes: resultMaxBytes,
      timeoutMs: DOWNLOAD_LIMIT_MS,
    };
    const baseUrl = url.replace(/\/+$/, '');
    if (provider === 'gradio') {
      return new Gradio({ baseUrl, token, functionName: gradioFunction, timeoutMs, downloads });
    }
    if (token === undefined) return undefined;
    return new Replicate({ baseUrl, token, modelVersion, timeoutMs, downloads });
  }

  private addTryOns(provider: TryOnProvider): void {
    const { concurrency, pollMs } = this.config.tools.tryOn;
    this.byId.set('try-ons', {
      ...kindOf('try-ons'),
      provider,
      concurrency,
      pollMs,
      prepare: (parameters, pictures, signal) => {
        const mask = pictures.get('mask');
        // Checked at submit, and stored as it was checked.
        const checked = parameters as unknown as Omit<TryOnRequest, 'person' | 'garment' | 'mask'>;
        const person = pictureOf(pictures, 'person');
        const garment = pictureOf(pictures, 'garment');
        return provider.prepare({ ...checked, person, garment, ...(mask && { mask }) }, signal);
      },
    });
  }
}
