/**
 * Stand-in of IDM-VTON as a Gradio application, in the dialect of Gradio 4.24 or of 6: the routes,
 * messages and failures of the queue that the web page uses.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FunctionFailed, GradioQueue } from './gradio-queue.js';
import { INFO, configOf, type GradioVersion } from './gradio-pages.js';
import {
  filesOf,
  objectOf,
  pictureTypeOf,
  StandIn,
  type Call,
  type Reply,
  type Route,
} from './server.js';
import { Shelf } from './shelf.js';
import type { TryOnPainter } from './try-on-painter.js';

export interface GradioStandInOptions {
  readonly folder: string;
  readonly version: GradioVersion;
  readonly taskMs: number;
  readonly hasControl: boolean;
  readonly painter: TryOnPainter;
}

/**
 * What the next run may be told to do: fail with a text (null: without one), drop its listener, cut its
 * events into single bytes, or take longer.
 */
interface Scripted {
  readonly error?: string | null;
  readonly drop?: boolean;
  readonly chop?: boolean;
  readonly ms?: number;
}

const MAX_QUEUE = 20;
const MAX_BYTES = 20_000_000;
const ARGUMENTS = 7;
const FILE_ROOT = '/tmp/gradio/';

const refuse = (status: number, detail: unknown): Reply => ({ status, json: { detail } });

export const createGradio = (options: GradioStandInOptions): StandIn => {
  const { version, painter } = options;
  const isModern = version !== '4.24.0';
  const prefix = isModern ? '/gradio_api' : '';
  const shelf = new Shelf(options.folder);
  const queue = new GradioQueue(MAX_QUEUE, isModern);
  const scripts = new Map<string, Scripted>();

  const rootUrl = () => `http://127.0.0.1:${(standIn.server.address() as AddressInfo).port}`;

  const upload = async (call: Call): Promise<Reply> => {
    const files = await filesOf(call, 'files');
    if (files.length === 0) return refuse(400, 'No file was given.');
    if (files.some(({ bytes }) => bytes.length > MAX_BYTES)) return refuse(413, 'File too large.');
    const paths = files.map(
      ({ name, bytes }) => `${FILE_ROOT}${shelf.put(bytes)}/${name || 'blob'}`,
    );
    return { json: paths };
  };

  const bytesAt = (value: unknown): Buffer => {
    const { path, meta } = recordOf(value);
    const isFile = recordOf(meta)['_type'] === 'gradio.FileData';
    const id = isFile && typeof path === 'string' ? idIn(path) : undefined;
    const bytes = id === undefined ? undefined : shelf.get(id);
    // Without its mark a file is a mere dictionary to the application.
    if (!bytes || !pictureTypeOf(bytes)) throw new FunctionFailed(null);
    return bytes;
  };

  const fileData = (bytes: Uint8Array, format: string) => {
    const path = `${FILE_ROOT}${shelf.put(Buffer.from(bytes))}/image ✓.${format}`;
    const address = path.split('/').map(encodeURIComponent).join('/');
    return {
      path,
      url: `${rootUrl()}${prefix}/file=${address}`,
      size: null,
      orig_name: `image ✓.${format}`,
      mime_type: null,
      is_stream: false,
      meta: { _type: 'gradio.FileData' },
    };
  };

  /** The application's own function. */
  const tryOn = async (data: readonly unknown[], scripted: Scripted) => {
    await sleep(scripted.ms ?? options.taskMs);
    if (scripted.error !== undefined) throw new FunctionFailed(scripted.error);
    const [person, garment, , isAutoMask, isCropped] = data;
    const { background, layers } = recordOf(person);
    const layer: unknown = Array.isArray(layers) ? layers[0] : undefined;
    // As in the application: the first layer of none.
    if (isAutoMask !== true && layer === undefined) throw new FunctionFailed(null);
    const format = isModern ? 'webp' : 'png';
    const pictures = await painter
      .paint({
        person: bytesAt(background),
        garment: bytesAt(garment),
        mask: isAutoMask === true ? undefined : bytesAt(layer),
        category: 'upper_body',
        isCropped: isCropped === true,
        format,
      })
      .catch((error: unknown) => {
        throw error instanceof FunctionFailed ? error : new FunctionFailed(null);
      });
    return [fileData(pictures.result, format), fileData(pictures.masked, format)];
  };

  const join = (call: Call): Reply => {
    const { data, session_hash: session, fn_index } = objectOf(call);
    if (!Array.isArray(data))
      return refuse(422, [{ loc: ['body', 'data'], msg: 'Field required' }]);
    if (typeof session !== 'string') return refuse(400, 'Session hash not found.');
    if (fn_index !== 0) return refuse(400, 'Function not found.');
    const scripted = (standIn.takeTaskFault('join', call) ?? {}) as Scripted;
    const wrong = `Expected ${ARGUMENTS} arguments, got ${data.length}.`;
    const id = queue.join(session, () =>
      data.length === ARGUMENTS ? tryOn(data, scripted) : Promise.reject(new FunctionFailed(wrong)),
    );
    if (id === undefined) {
      return refuse(503, `Queue is full. Max size is ${MAX_QUEUE} and size is ${MAX_QUEUE}.`);
    }
    scripts.set(session, scripted);
    standIn.note(call, { eventId: id });
    return { json: { event_id: id } };
  };

  const listen = (call: Call): Reply => {
    const session = call.query.get('session_hash') ?? '';
    const script = scripts.get(session) ?? {};
    scripts.delete(session);
    const stream = async (response: ServerResponse) => {
      let isGone = false;
      response.once('close', () => {
        isGone = true;
        queue.wake(session);
      });
      response.flushHeaders();
      if (script.drop) return void response.destroy();
      for await (const message of queue.listen(session, () => isGone)) {
        await write(response, `data: ${JSON.stringify(message)}\n\n`, script.chop ?? false);
      }
      if (isGone) queue.drop(session);
      response.end();
    };
    return { headers: { 'content-type': 'text/event-stream; charset=utf-8' }, stream };
  };

  const file = (call: Call): Reply => {
    const bytes = shelf.get(idIn(call.params[0] ?? '') ?? '');
    const type = bytes && pictureTypeOf(bytes);
    if (!bytes || !type) return refuse(403, `File not allowed: ${call.params[0] ?? ''}.`);
    return { body: bytes, headers: { 'content-type': `image/${type}` } };
  };

  const cancel = (call: Call): Reply => {
    const { session_hash, event_id } = objectOf(call);
    queue.cancel(String(session_hash), String(event_id));
    return { json: { success: true } };
  };

  const at = (path: string) => new RegExp(`^${prefix}${path}$`);
  const config = (): Reply => ({ json: configOf(version, prefix, rootUrl()) });
  const routes: Route[] = [
    { name: 'config', method: 'GET', path: /^\/config$/, answer: config },
    { name: 'info', method: 'GET', path: at('/info'), answer: () => ({ json: INFO }) },
    { name: 'upload', method: 'POST', path: at('/upload'), answer: upload },
    { name: 'join', method: 'POST', path: at('/queue/join'), answer: join },
    { name: 'listen', method: 'GET', path: at('/queue/data'), answer: listen },
    { name: 'file', method: 'GET', path: at('/file=(.+)'), answer: file },
    ...(isModern
      ? [{ name: 'cancel', method: 'POST' as const, path: at('/cancel'), answer: cancel }]
      : []),
  ];
  const standIn = new StandIn(routes, options.hasControl);
  return standIn;
};

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

const idIn = (path: string): string | undefined =>
  path.startsWith(FILE_ROOT) ? path.slice(FILE_ROOT.length).split('/')[0] : undefined;

const write = async (response: ServerResponse, text: string, isChopped: boolean): Promise<void> => {
  if (!isChopped) return void response.write(text);
  for (const byte of Buffer.from(text.replaceAll('\n', '\r\n'))) {
    response.write(Buffer.of(byte));
    await nextTurn();
  }
};
