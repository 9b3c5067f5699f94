/**
 * Plays the client's side of a recording to another server: the same requests and frames at the
 * same times, except that a request also waits until every socket has been told as many ends of
 * prompts as the recorded one had. Where the recorder waited for something to run, the times count
 * from the last such message, so that a slow server is interrupted at the same node. Yields what
 * came back beside what was recorded.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { masked } from './masks.js';
import { send } from './wire.js';
import type { HttpLine, Line, SocketLine } from './recording.js';

export interface Exchange {
  readonly name: string;
  readonly recorded: unknown;
  readonly replayed: unknown;
}

interface Frame {
  readonly json?: { readonly type: string; readonly data: Readonly<Record<string, unknown>> };
  readonly event?: number;
  /** When it came, in milliseconds. */
  readonly at?: number;
}

const SILENCE_MS = 180;
const ORIGIN_OF_RECORDING = 'http://127.0.0.1:8188';

export class Replay {
  private readonly sockets = new Map<string, WebSocket>();
  private readonly frames = new Map<string, Frame[]>();

  constructor(
    private readonly lines: readonly Line[],
    private readonly base: string,
    /** prompt_id in the recordings → prompt_id here; shared by scenarios of one server. */
    private readonly ids: Map<string, string>,
    /** What the recorder did beside the wire, by the time it did it. */
    private readonly deeds: readonly (readonly [t: number, deed: () => Promise<void>])[] = [],
    /** Halves the recorder's waits; not where they are for something to run. */
    private readonly isHurried = false,
  ) {}

  async run(): Promise<Exchange[]> {
    const exchanges: Exchange[] = [];
    let start = Date.now();
    let previous = 0;
    const deeds = [...this.deeds];
    for (const [index, line] of this.lines.entries()) {
      while (deeds[0] && deeds[0][0] <= (line.t ?? 0)) await deeds.shift()?.[1]();
      if (line.kind !== 'http' && line.kind !== 'ws') continue;
      // The recorder waited to see that nothing comes; half the time shows that as well.
      const silence = line.t - previous;
      if (this.isHurried && silence > SILENCE_MS) start -= silence / 2;
      previous = line.t;
      if (line.kind === 'ws' && line.dir === 'recv') continue;
      await this.catchUp(index, start, line.t);
      if (line.kind === 'ws') await this.act(line);
      else exchanges.push(await this.exchange(line));
    }
    await this.catchUp(this.lines.length);
    exchanges.push(...this.compareSockets());
    for (const socket of this.sockets.values()) socket.terminate();
    return exchanges;
  }

  private async catchUp(until: number, start = 0, t = 0): Promise<void> {
    if (this.isHurried) await sleep(Math.max(0, start + t - Date.now()));
    const milestones = this.lines
      .slice(0, until)
      .filter((line) => line.kind === 'ws')
      .filter((line) => line.dir === 'recv' && this.isMilestone(line));
    const wanted = new Map<string, number>();
    for (const { conn } of milestones) wanted.set(conn, (wanted.get(conn) ?? 0) + 1);
    const passed = (conn: string) => (this.frames.get(conn) ?? []).filter(this.isMilestone);
    const patience = Date.now() + 4000;
    const isBehind = () => [...wanted].some(([conn, count]) => passed(conn).length < count);
    while (isBehind() && Date.now() < patience) await sleep(5);
    if (this.isHurried) return;
    const last = milestones.at(-1);
    const at = last && passed(last.conn)[(wanted.get(last.conn) ?? 0) - 1]?.at;
    const notBefore = last && at !== undefined ? at + t - last.t : start + t;
    await sleep(Math.max(0, notBefore - Date.now()));
  }

  private readonly isMilestone = ({ json }: Frame | SocketLine): boolean =>
    json?.type === 'execution_start' ||
    (json?.type === 'executing' && (!this.isHurried || json.data['node'] === null));

  private async act(line: SocketLine): Promise<void> {
    const socket = this.sockets.get(line.conn);
    if (line.dir === 'open') await this.open(line);
    if (line.dir === 'send') socket?.send(line.text ?? JSON.stringify(line.json));
    if (line.dir === 'close-by-client') socket?.close();
    if (line.dir === 'tcp-abort-by-client') socket?.terminate();
    if (line.dir.includes('client')) await sleep(20);
  }

  private async open(line: SocketLine): Promise<void> {
    const socket = new WebSocket(this.base.replace('http', 'ws') + (line.path ?? '/ws'));
    const frames: Frame[] = [];
    this.sockets.set(line.conn, socket);
    this.frames.set(line.conn, frames);
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer, isBinary) => {
      frames.push(
        isBinary
          ? { event: data.readUInt32BE(0) }
          : { ...(JSON.parse(`{"json":${data.toString()}}`) as Frame), at: Date.now() },
      );
    });
    await new Promise((resolve) => socket.once('open', resolve).once('error', resolve));
  }

  private translate(text: string): string {
    return [...this.ids].reduce((result, [theirs, ours]) => result.replaceAll(theirs, ours), text);
  }

  private async exchange({ request, response, label }: HttpLine): Promise<Exchange> {
    const headers: Record<string, string> = { ...request.headers };
    if (headers['Origin'] === ORIGIN_OF_RECORDING) headers['Origin'] = this.base;
    let body: string | Buffer | undefined;
    if (request.multipart) {
      const form = formOf(request.multipart);
      body = form.body;
      headers['Content-Type'] = form.type;
    } else if (request.json !== undefined) body = this.translate(JSON.stringify(request.json));
    else if (request.text !== undefined) body = request.text;
    const name = `${request.method} ${request.path} ${label ?? ''}`.trim();
    const answer = await send(
      this.base,
      request.method,
      this.translate(request.path),
      headers,
      body,
    );
    const json: unknown =
      answer.text && answer.type.startsWith('application/json')
        ? JSON.parse(answer.text)
        : undefined;
    this.learnIds(response?.json, json);
    const isFile = answer.status < 300 && request.path.startsWith('/view');
    const replayed = {
      status: answer.status,
      ...(json !== undefined ? { json } : answer.text && !isFile && { text: answer.text }),
    };
    const recorded = {
      status: response?.status,
      ...(response?.json !== undefined && { json: response.json }),
      ...(response?.text !== undefined && { text: response.text }),
    };
    return { name, recorded: this.mask(recorded), replayed: this.mask(replayed) };
  }

  private learnIds(recorded: unknown, replayed: unknown): void {
    const [theirs, ours] = [promptIdOf(recorded), promptIdOf(replayed)];
    if (theirs && ours) this.ids.set(theirs, ours);
  }

  /** Both sides in the replay's ids, and without what no two runs share. */
  private mask(value: unknown): unknown {
    return masked(JSON.parse(this.translate(JSON.stringify(value))));
  }

  /** One exchange per prompt and socket: the messages about it, in order. */
  private compareSockets(): Exchange[] {
    const recorded = new Map<string, Frame[]>();
    for (const line of this.lines) {
      if (line.kind !== 'ws' || line.dir !== 'recv') continue;
      const event = line.binary && Buffer.from(line.binary.base64, 'base64').readUInt32BE(0);
      const frame = { ...(line.json && { json: line.json }), ...(event && { event }) };
      recorded.set(line.conn, [...(recorded.get(line.conn) ?? []), frame]);
    }
    return [...recorded].flatMap(([conn, frames]) => {
      const theirs = this.stories(frames);
      const ours = this.stories(this.frames.get(conn) ?? []);
      return [...new Set([...theirs.keys(), ...ours.keys()])].map((topic) => ({
        name: `socket ${conn}: ${topic}`,
        recorded: this.ordered(theirs.get(topic)),
        replayed: this.ordered(ours.get(topic)),
      }));
    });
  }

  /**
   * With several outputs the order of branches follows a set in the real server: then only what
   * was said counts. What `progress_state` repeats about other nodes follows that order too.
   */
  private ordered(story: readonly unknown[] = ['nothing']): unknown {
    const texts = story.map((message) => JSON.stringify(message));
    const ends = texts.filter((text) => text.includes('"executed"')).length;
    if (ends < 2) return story;
    return texts.filter((text) => !text.includes('"progress_state"')).sort();
  }

  private stories(frames: readonly Frame[]): Map<string, unknown[]> {
    const stories = new Map<string, unknown[]>();
    const lastProgress = new Map<string, unknown>();
    let topic = 'before any prompt';
    for (const frame of frames) {
      const json = frame.json && (this.mask(frame.json) as NonNullable<Frame['json']>);
      const id = json?.data['prompt_id'];
      if (typeof id === 'string') topic = id;
      // How often the length of the queue is told depends on the race with the worker.
      if (json?.type === 'status' && !('sid' in json.data)) continue;
      const story = stories.get(topic) ?? [];
      stories.set(topic, story);
      // Progress in between is thinned by the clock: only the last is certain.
      const kind = json?.type ?? `binary ${frame.event}`;
      const isThinned = kind === 'progress' && isBetween(json?.data);
      if (isThinned || (kind === 'progress_state' && isBetweenState(json?.data))) continue;
      if (JSON.stringify(json) !== lastProgress.get(kind)) story.push(json ?? kind);
      lastProgress.set(kind, JSON.stringify(json ?? story.length));
    }
    return stories;
  }
}

const isBetween = (data: Readonly<Record<string, unknown>> | undefined): boolean =>
  Number(data?.['value']) >= 1 && Number(data?.['value']) < Number(data?.['max']);

const isBetweenState = (data: Readonly<Record<string, unknown>> | undefined): boolean =>
  Object.values((data?.['nodes'] ?? {}) as Record<string, Record<string, unknown>>).some(isBetween);

const promptIdOf = (json: unknown): string | undefined =>
  typeof json === 'object' && json !== null && 'prompt_id' in json
    ? String(json.prompt_id)
    : undefined;

const formOf = (parts: HttpLine['request']['multipart'] & object) => {
  const boundary = 'recorded-boundary';
  const chunks = parts.flatMap((part) => {
    const file = part.filename === undefined ? '' : `; filename="${part.filename}"`;
    const type = part.content_type ? `\r\nContent-Type: ${part.content_type}` : '';
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${part.name}"${file}${type}\r\n\r\n`;
    const content = part.value ?? Buffer.from(part.base64 ?? '', 'base64');
    return [Buffer.from(head), Buffer.from(content as string), Buffer.from('\r\n')];
  });
  const body = Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]);
  return { type: `multipart/form-data; boundary=${boundary}`, body };
};
