import { randomUUID } from 'node:crypto';
import { WebSocket, type RawData } from 'ws';
import { parseBinaryFrame, parseTextFrame, type ComfyEvent } from '../protocol/index.js';

const MAX_FRAME_BYTES = 16 * 1024 * 1024;
const PING_MS = 10_000;
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
const CONNECT_MS = 5_000;

export interface SocketListener {
  onEvent(event: ComfyEvent): void;
  /** The connection was opened anew: whatever was said meanwhile is lost. */
  onConnected(): void;
  /** An open connection ended without our doing: the server may be gone. */
  onLost(): void;
}

/**
 * The one websocket to a ComfyUI (comfyui-protocol §3). A fresh client id per connection, because
 * the closing of an old one silences a new one of the same id (§3.4). Reconnects for ever with
 * jitter; what it delivers is a hint and never needed for correctness.
 */
export class ComfySocket {
  private socket: WebSocket | undefined;
  private id: string = randomUUID();
  private backoffMs = FIRST_BACKOFF_MS;
  private retryTimer: NodeJS.Timeout | undefined;
  private pingTimer: NodeJS.Timeout | undefined;
  private isAlive = false;
  private wasOpen = false;
  private isClosed = false;

  constructor(
    private readonly url: string,
    private readonly listener: SocketListener,
  ) {}

  /** The client id under which prompts are posted now. */
  get clientId(): string {
    return this.id;
  }

  get isConnected(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  open(): void {
    this.isClosed = false;
    this.connect();
  }

  /** Ends this connection and opens another: for a socket that has gone silent. */
  renew(): void {
    if (this.isClosed) return;
    this.drop();
    this.connect();
  }

  close(): void {
    this.isClosed = true;
    this.drop();
  }

  private connect(): void {
    clearTimeout(this.retryTimer);
    this.id = randomUUID();
    const address = `${this.url.replace(/^http/, 'ws')}/ws?clientId=${this.id}`;
    const socket = new WebSocket(address, {
      maxPayload: MAX_FRAME_BYTES,
      handshakeTimeout: CONNECT_MS,
      perMessageDeflate: false,
    });
    this.socket = socket;
    socket.on('open', () => {
      // Must be the first message, or it is ignored (§3).
      socket.send(
        JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }),
      );
      this.backoffMs = FIRST_BACKOFF_MS;
      this.wasOpen = true;
      this.watch(socket);
      this.listener.onConnected();
    });
    socket.on('pong', () => (this.isAlive = true));
    socket.on('message', (data, isBinary) => this.receive(socket, data, isBinary));
    // 'close' always follows 'error', and reconnecting there is all that there is to do.
    socket.on('error', () => undefined);
    socket.on('close', () => this.lost(socket));
  }

  private receive(socket: WebSocket, data: RawData, isBinary: boolean): void {
    if (socket !== this.socket) return;
    this.isAlive = true;
    const frame = Buffer.isBuffer(data)
      ? data
      : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
    const event = isBinary ? parseBinaryFrame(frame) : parseTextFrame(frame.toString('utf8'));
    if (event) this.listener.onEvent(event);
  }

  /** Half-open connections answer no ping: end them, so that a new one is made. */
  private watch(socket: WebSocket): void {
    clearInterval(this.pingTimer);
    this.isAlive = true;
    this.pingTimer = setInterval(() => {
      if (!this.isAlive) socket.terminate();
      this.isAlive = false;
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    }, PING_MS);
    this.pingTimer.unref();
  }

  private lost(socket: WebSocket): void {
    if (socket !== this.socket || this.isClosed) return;
    clearInterval(this.pingTimer);
    if (this.wasOpen) this.listener.onLost();
    this.wasOpen = false;
    const delayMs = this.backoffMs * (0.5 + Math.random() / 2);
    this.backoffMs = Math.min(this.backoffMs * 2, MAX_BACKOFF_MS);
    this.retryTimer = setTimeout(() => this.connect(), delayMs);
    this.retryTimer.unref();
  }

  private drop(): void {
    clearTimeout(this.retryTimer);
    clearInterval(this.pingTimer);
    const socket = this.socket;
    this.socket = undefined;
    this.wasOpen = false;
    socket?.terminate();
  }
}
