/**
 * The websocket side of the contract (protocol §3): one socket per clientId, targeted or broadcast
 * messages, feature flags on the first message, and the real server's trap that closing an older
 * socket strikes off the newer one with the same id.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';

const MAX_INCOMING_BYTES = 4 * 1024 * 1024;

/** Event numbers of binary frames (protocol §3.2). */
const PREVIEW = 1;
const TEXT = 3;
const PREVIEW_WITH_METADATA = 4;

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

interface Client {
  readonly socket: WebSocket;
  wantsMetadata: boolean;
}

export interface Preview {
  readonly format: 'jpeg' | 'png';
  readonly bytes: Buffer;
}

export class SocketHub {
  private readonly server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_INCOMING_BYTES,
  });
  private readonly clients = new Map<string, Client>();
  /** While true nothing is sent to anybody: the fault `mute`. */
  isMuted = false;

  constructor(
    private readonly features: object,
    private readonly greet: (sid: string) => readonly [type: string, data: object][],
  ) {}

  /** Answers an upgrade on `/ws`; the greeting is `status`, then `executing` when reconnecting. */
  accept(request: IncomingMessage, stream: Duplex, head: Buffer, clientId: string): void {
    this.server.handleUpgrade(request, stream, head, (socket) => {
      const sid = clientId || randomUUID().replaceAll('-', '');
      const client: Client = { socket, wantsMetadata: false };
      this.clients.set(sid, client);
      socket.on('close', () => this.clients.delete(sid));
      socket.on('error', () => socket.terminate());
      for (const [type, data] of this.greet(sid)) this.push(client, JSON.stringify({ type, data }));
      let isFirst = true;
      socket.on('message', (data: Buffer, isBinary) => {
        const message = isBinary ? undefined : parseObject(data.toString());
        if (!message || !isFirst) return;
        isFirst = false;
        if (message['type'] !== 'feature_flags') return;
        const flags = message['data'];
        client.wantsMetadata =
          typeof flags === 'object' &&
          flags !== null &&
          'supports_preview_metadata' in flags &&
          flags.supports_preview_metadata === true;
        // By way of the table: a socket that was struck off gets no answer (recording h).
        this.send('feature_flags', this.features, sid);
      });
    });
  }

  /** To one client, dropped if it is not connected; to everybody when `sid` is undefined. */
  send(type: string, data: object, sid?: string): void {
    this.raw(JSON.stringify({ type, data }), sid);
  }

  sendText(nodeId: string, text: string): void {
    const id = Buffer.from(nodeId);
    this.raw(Buffer.concat([uint32(TEXT), uint32(id.length), id, Buffer.from(text)]));
  }

  /** Whether the prompt's own client negotiated metadata; a prompt without one never has any. */
  private wantsMetadata(sid: string | undefined): boolean {
    return sid !== undefined && this.clients.get(sid)?.wantsMetadata === true;
  }

  /** The preview if metadata was negotiated; it precedes the `progress` message. */
  sendPreviewWithMetadata(preview: Preview, metadata: object, sid?: string): void {
    if (!this.wantsMetadata(sid)) return;
    const json = Buffer.from(
      JSON.stringify({ ...metadata, image_type: `image/${preview.format}` }),
    );
    const frame = [uint32(PREVIEW_WITH_METADATA), uint32(json.length), json, preview.bytes];
    this.raw(Buffer.concat(frame), sid);
  }

  /** The preview for all others; it follows the `progress` message and carries no id. */
  sendPlainPreview(preview: Preview, sid?: string): void {
    if (this.wantsMetadata(sid)) return;
    const format = uint32(preview.format === 'jpeg' ? 1 : 2);
    this.raw(Buffer.concat([uint32(PREVIEW), format, preview.bytes]), sid);
  }

  /** Sends text or bytes exactly as given. */
  raw(frame: string | Buffer, sid?: string): void {
    const receivers = sid === undefined ? [...this.clients.values()] : [this.clients.get(sid)];
    for (const client of receivers) if (client) this.push(client, frame);
  }

  /** Ends every connection with a close frame or without a word, or leaves it open and dead. */
  disconnectAll(how: 'close' | 'cut' | 'freeze'): void {
    if (how === 'freeze') this.clients.clear();
    for (const socket of this.server.clients) {
      if (how === 'close') socket.close();
      else if (how === 'cut') socket.terminate();
      else socket.pause();
    }
  }

  private push(client: Client, frame: string | Buffer): void {
    if (!this.isMuted && client.socket.readyState === WebSocket.OPEN) client.socket.send(frame);
  }
}

const parseObject = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
};
