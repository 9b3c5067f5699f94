import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';

interface Entry {
  readonly name: string;
  readonly everyMs: number;
  readonly work: () => Promise<void>;
}

/**
 * Work that this process repeats while it runs. One run of an entry at a time; a run that throws is
 * logged and comes again. Other processes may run the same entry at the same time: work must bear it.
 */
@Injectable()
export class Timetable implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Timetable.name);
  private readonly entries: Entry[] = [];
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly running = new Set<Promise<void>>();
  private isClosing = false;

  /** Repeats `work`, the first time one interval after the start. Call while the application starts. */
  every(name: string, everyMs: number, work: () => Promise<void>): void {
    this.entries.push({ name, everyMs, work });
  }

  onApplicationBootstrap(): void {
    for (const entry of this.entries) this.plan(entry);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    await Promise.all(this.running);
  }

  private plan(entry: Entry): void {
    if (this.isClosing) return;
    const timer = setTimeout(() => {
      const run = entry
        .work()
        .catch((error: unknown) =>
          this.logger.warn({ err: error, task: entry.name }, 'scheduled work failed'),
        )
        .finally(() => {
          this.running.delete(run);
          this.plan(entry);
        });
      this.running.add(run);
    }, entry.everyMs);
    timer.unref();
    this.timers.set(entry.name, timer);
  }
}
