/** Progress of one prompt on the wire: `progress_state`, `progress` and previews (protocol §3). */
import type { Preview, SocketHub } from './socket-hub.js';

/** Reports without a preview are thinned to one in so many ms; first and last always go out. */
const THINNING_MS = 100;

interface NodeState {
  value: number;
  max: number;
  state: 'running' | 'finished';
}

export class ProgressReport {
  private readonly states = new Map<string, NodeState>();
  private lastStepAt = 0;

  constructor(
    private readonly hub: SocketHub,
    private readonly promptId: string,
    private readonly sid: string | undefined,
  ) {}

  begin(id: string): void {
    this.lastStepAt = 0;
    this.set(id, { value: 0, max: 1, state: 'running' });
  }

  finish(id: string): void {
    const max = this.states.get(id)?.max ?? 1;
    this.set(id, { value: max, max, state: 'finished' });
  }

  step(id: string, value: number, max: number, preview?: Preview): void {
    const isEdge = this.lastStepAt === 0 || value >= max;
    if (!preview && !isEdge && Date.now() - this.lastStepAt < THINNING_MS) return;
    this.lastStepAt = Date.now();
    this.set(id, { value, max, state: 'running' });
    if (preview) this.hub.sendPreviewWithMetadata(preview, this.metadata(id), this.sid);
    const data = { value, max, prompt_id: this.promptId, node: id };
    this.hub.send('progress', data, this.sid);
    if (preview) this.hub.sendPlainPreview(preview, this.sid);
  }

  /** A finished picture goes the way of a preview (SaveImageWebsocket). */
  sendPicture(id: string, frame: Preview): void {
    this.hub.sendPreviewWithMetadata(frame, this.metadata(id), this.sid);
    this.hub.sendPlainPreview(frame, this.sid);
  }

  private set(id: string, state: NodeState): void {
    this.states.set(id, state);
    const nodes = [...this.states].map(([key, value]) => [
      key,
      { ...value, ...this.metadata(key) },
    ]);
    const data = { prompt_id: this.promptId, nodes: Object.fromEntries(nodes) as object };
    this.hub.send('progress_state', data, this.sid);
  }

  private metadata(id: string): object {
    return {
      node_id: id,
      prompt_id: this.promptId,
      display_node_id: id,
      parent_node_id: null,
      real_node_id: id,
    };
  }
}
