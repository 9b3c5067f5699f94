import { ComfyHttp } from './comfy-http.js';
import { ComfySocket } from './comfy-socket.js';
import { DEFAULT_LIMITS, PromptFollower, type FollowerLimits } from './prompt-follower.js';

const RENEW_CHECK_MS = 5_000;

/** What becomes of the connection, for whoever decides whether this ComfyUI is there. */
export interface ConnectionListener {
  /** It may be a new ComfyUI. */
  onConnected(): void;
  /** It may be gone. */
  onLost(): void;
  /** A prompt ended: so long after the socket told; undefined: it did not tell. */
  onCompletion(lagMs: number | undefined): void;
}

/** One ComfyUI: its HTTP calls, its socket, and the following of prompts on it. */
export class ComfyClient {
  readonly http: ComfyHttp;
  readonly follower: PromptFollower;
  private readonly socket: ComfySocket;
  private timer: NodeJS.Timeout | undefined;
  private silentChecks = 0;

  constructor(
    readonly url: string,
    listener: ConnectionListener,
    limits: Partial<FollowerLimits> = {},
  ) {
    this.http = new ComfyHttp(url);
    this.follower = new PromptFollower(this.http, { ...DEFAULT_LIMITS, ...limits }, (lagMs) =>
      listener.onCompletion(lagMs),
    );
    this.socket = new ComfySocket(url, {
      onEvent: (event) => this.follower.hear(event),
      onConnected: () => listener.onConnected(),
      onLost: () => listener.onLost(),
    });
  }

  /** The id to post prompts under, so that the events come to us and to nobody else. */
  get clientId(): string {
    return this.socket.clientId;
  }

  get isSocketConnected(): boolean {
    return this.socket.isConnected;
  }

  open(): void {
    this.socket.open();
    this.timer = setInterval(() => this.renewSilentSocket(), RENEW_CHECK_MS);
    this.timer.unref();
  }

  close(): void {
    clearInterval(this.timer);
    this.socket.close();
  }

  /** A socket that stays silent while prompts run is replaced, each time after a longer wait. */
  private renewSilentSocket(): void {
    if (!this.follower.isSocketSilent) {
      this.silentChecks = 0;
      return;
    }
    this.silentChecks += 1;
    // 2, 4, 8 … checks: a prompt posted under the older id stays silent for good, and may be long.
    if (Number.isInteger(Math.log2(this.silentChecks)) && this.silentChecks > 1)
      this.socket.renew();
  }
}
