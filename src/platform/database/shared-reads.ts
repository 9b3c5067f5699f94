import DataLoader from 'dataloader';
import type { Database } from './database.js';

/** Rows of one query. */
const LARGEST = 100;

/**
 * Reads by id for the busiest routes: those that are asked for while a query is under way share the next
 * one, so that a crowd of askers costs few queries. Nothing is kept: every answer was read after its
 * question. Inside a transaction a read stands alone and sees what the transaction sees.
 */
export class SharedReads<Row> {
  private underWay: Promise<unknown> = Promise.resolve();
  private readonly loader = new DataLoader<string, Row | undefined>((ids) => this.read(ids), {
    cache: false,
    maxBatchSize: LARGEST,
    batchScheduleFn: (go) => void this.underWay.then(() => setImmediate(go)),
  });

  /** `load` gets ids without repeats and answers with what it found, by id. */
  constructor(
    private readonly database: Database,
    private readonly load: (ids: readonly string[]) => Promise<ReadonlyMap<string, Row>>,
  ) {}

  /** Undefined when there is no such row. The id must be well formed, or the query of all fails. */
  async find(id: string): Promise<Row | undefined> {
    if (this.database.isInTransaction) return (await this.load([id])).get(id);
    return this.loader.load(id);
  }

  private async read(ids: readonly string[]): Promise<(Row | undefined)[]> {
    // The first asker's request, and whatever it does next, is not the others'.
    const loading = this.database.apart(() => this.load([...new Set(ids)]));
    this.underWay = loading.catch(() => undefined);
    const rows = await loading;
    return ids.map((id) => rows.get(id));
  }
}
