import type { Following } from './job-stream.js';

const WIDTH = 30;

const clock = (ms: number): string => {
  const seconds = Math.floor(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};

/** One line that redraws itself on a terminal; elsewhere a plain line for each change. */
export class ProgressBar {
  private readonly startedAt = performance.now();
  private state: Following = { status: 'queued', percent: 0, step: undefined };
  private last = '';
  private ticker: NodeJS.Timeout | undefined;

  constructor(private readonly out: NodeJS.WriteStream) {}

  show(state: Following): void {
    this.state = state;
    if (!this.out.isTTY) return this.writeLine();
    this.draw();
    // The clock goes on while nothing happens.
    this.ticker ??= setInterval(() => this.draw(), 250).unref();
  }

  /** Leaves the last state standing. Repeating is harmless. */
  end(): void {
    clearInterval(this.ticker);
    if (this.ticker) this.out.write('\n');
    this.ticker = undefined;
  }

  private get words(): string {
    const { status, step } = this.state;
    return status === 'running' ? (step ?? status) : status;
  }

  private writeLine(): void {
    const line = `    ${Math.round(this.state.percent).toString().padStart(3)} %  ${this.words}`;
    if (line !== this.last) this.out.write(`${line}\n`);
    this.last = line;
  }

  private draw(): void {
    const { percent } = this.state;
    const filled = Math.round((Math.min(100, Math.max(0, percent)) / 100) * WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    const time = clock(performance.now() - this.startedAt);
    const line = `    ${bar} ${Math.round(percent).toString().padStart(3)} %  ${time}  ${this.words}`;
    // A line that wraps could not be redrawn.
    this.out.write(`\r\u001b[K${line.slice(0, (this.out.columns || 80) - 1)}`);
  }
}
