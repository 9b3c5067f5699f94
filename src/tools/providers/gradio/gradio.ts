import { randomUUID } from 'node:crypto';
import { download, type DownloadRules } from '../download.js';
import { field, itemsOf, textOf } from '../json.js';
import {
  ProviderError,
  type GarmentCategory,
  type PreparedTask,
  type ProviderTask,
  type TaskResult,
  type TryOnProvider,
  type TryOnRequest,
} from '../provider.js';
import { ProviderHttp } from '../provider-http.js';
import { blobOf, fileNameOf, frameOf } from '../try-on/person-frame.js';
import { ApplicationLookup, type Application } from './application.js';
import { messagesOf } from './event-stream.js';
import { explainEvent, explainGradio } from './gradio-errors.js';
import { SeenEvents } from './seen-events.js';

export interface GradioSettings {
  /** Where the application is, such as https://yisol-idm-vton.hf.space. */
  readonly baseUrl: string;
  readonly token: string | undefined;
  /** The API name of the application's function. */
  readonly functionName: string;
  readonly timeoutMs: number;
  readonly downloads: Omit<DownloadRules, 'ownHeaders'>;
}

/** Where an event is listened to. */
interface Place {
  readonly application: Application;
  readonly session: string;
}

interface Call {
  readonly application: Application;
  readonly data: readonly unknown[];
}

const fileData = (path: string) => ({ path, meta: { _type: 'gradio.FileData' } });

/**
 * IDM-VTON as a Gradio application: a Hugging Face Space or a server of one's own, by the queue that
 * the web pages of Gradio 4 to 6 share (the plain calls hide why a run failed). A run costs nothing
 * there and cannot be found again once its connection is lost, so a lost one is simply made anew.
 */
export class Gradio implements TryOnProvider {
  readonly name = 'gradio';
  readonly isFree = true;
  readonly canCancel = true;
  /** Its own mask finder knows the upper body only. */
  readonly needsMaskFor: readonly GarmentCategory[] = ['lower_body', 'dresses'];
  private readonly http: ProviderHttp;
  /** The files of a private Space ask for the token too. */
  private readonly downloads: DownloadRules;
  private readonly seen = new SeenEvents<Place>();
  private readonly applications: ApplicationLookup;

  constructor(private readonly settings: GradioSettings) {
    const headers =
      settings.token === undefined ? {} : { authorization: `Bearer ${settings.token}` };
    this.downloads = { ...settings.downloads, ownHeaders: headers };
    this.http = new ProviderHttp({
      baseUrl: settings.baseUrl,
      headers,
      timeoutMs: settings.timeoutMs,
      explain: explainGradio,
    });
    this.applications = new ApplicationLookup(this.http, settings.functionName);
  }

  get isAvailable(): boolean {
    return this.http.isAvailable;
  }

  async prepare(request: TryOnRequest, signal: AbortSignal): Promise<PreparedTask> {
    const application = await this.applications.find(signal);
    const { person, mask, needsCrop } = await frameOf(request);
    const form = new FormData();
    for (const [stem, picture] of [
      ['person', person],
      ['garment', request.garment],
      ...(mask ? [['mask', mask] as const] : []),
    ] as const) {
      form.append('files', blobOf(picture), fileNameOf(stem, picture));
    }
    const path = `${application.prefix}/upload`;
    const answer = await this.http.json({ method: 'POST', path, form, signal });
    const [personPath, garmentPath, maskPath] = itemsOf(answer).filter(isText);
    if (personPath === undefined || garmentPath === undefined || (mask && !maskPath)) {
      throw new ProviderError('unavailable', 'The upload did not give a path for every picture.');
    }
    const layers = maskPath === undefined ? [] : [fileData(maskPath)];
    const data = [
      { background: fileData(personPath), layers, composite: null },
      fileData(garmentPath),
      request.description,
      layers.length === 0,
      needsCrop,
      request.steps,
      request.seed,
    ];
    return { marker: null, body: { application, data } satisfies Call };
  }

  async create(prepared: PreparedTask): Promise<string> {
    // What `prepare` of this very adapter made.
    const { application, data } = prepared.body as Call;
    const session = randomUUID();
    const json = {
      data,
      event_data: null,
      fn_index: application.functionIndex,
      trigger_id: null,
      session_hash: session,
    };
    const path = `${application.prefix}/queue/join`;
    const answer = await this.http
      // Nothing is paid, but a second run would take the application's one GPU twice.
      .json({ method: 'POST', path, json, isPaid: true })
      .catch((error: unknown) => {
        throw this.applications.explain(error);
      });
    const eventId = textOf(answer, 'event_id');
    if (eventId === undefined) throw new ProviderError('indeterminate', 'The event has no id.');
    this.seen.add(eventId, { application, session });
    return eventId;
  }

  /** Gradio cannot be asked for its events. */
  find(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Listens until the event ends. An event can be listened to once, by the process that made it. */
  async look(eventId: string, signal: AbortSignal): Promise<ProviderTask> {
    const event = this.seen.get(eventId);
    if (event?.outcome) return event.outcome;
    if (!event || event.wasHeard) {
      throw new ProviderError('not-found', 'Nobody can listen to this event any more.');
    }
    const { application, session } = event.context;
    const path = `${application.prefix}/queue/data?session_hash=${session}`;
    const response = await this.http.open(path, signal);
    event.wasHeard = true;
    for await (const message of messagesOf(response, this.settings.timeoutMs)) {
      const outcome = this.outcomeOf(message, application.prefix);
      if (outcome) return (event.outcome = outcome);
    }
    throw new ProviderError('unavailable', 'The event stream ended too early.');
  }

  /** What waits leaves the queue; what runs is told to stop where the application can (Gradio 5 on). */
  async cancel(eventId: string, signal: AbortSignal): Promise<void> {
    const event = this.seen.get(eventId);
    if (!event || event.outcome) return;
    event.outcome = { state: 'cancelled' };
    const { application, session } = event.context;
    const { prefix, functionIndex } = application;
    const json = { session_hash: session, fn_index: functionIndex, event_id: eventId };
    await this.http
      .json({ method: 'POST', path: `${prefix}/cancel`, json, isPaid: true, signal })
      .catch(() => signal.throwIfAborted());
  }

  download(result: TaskResult, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return download(result, this.downloads, signal);
  }

  /** Undefined: the event goes on. */
  private outcomeOf(message: unknown, prefix: string): ProviderTask | undefined {
    const output = field(message, 'output');
    switch (textOf(message, 'msg')) {
      case 'process_completed':
        if (field(message, 'success') === true)
          return this.succeeded(prefix, field(output, 'data'));
        return failed(explainEvent(textOf(output, 'error')));
      case 'unexpected_error':
        return failed(explainEvent(textOf(message, 'message')));
      default:
        return undefined;
    }
  }

  /** By its path, for the address that the application gives may be one that only it can reach. */
  private succeeded(prefix: string, data: unknown): ProviderTask {
    const [picture] = itemsOf(data);
    const path = textOf(picture, 'path');
    const url =
      path === undefined
        ? textOf(picture, 'url')
        : `${this.settings.baseUrl}${prefix}/file=${path.split('/').map(encodeURIComponent).join('/')}`;
    if (url === undefined) {
      return failed(new ProviderError('bad-result', 'The application finished without a picture.'));
    }
    return {
      state: 'succeeded',
      results: [{ name: 'image', url, form: 'picture', isOptional: false }],
    };
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** An event that is gone was nobody's failure: it is made anew. */
const failed = (error: ProviderError): ProviderTask => {
  if (error.kind === 'not-found') throw error;
  return { state: 'failed', error };
};
