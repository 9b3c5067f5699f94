import DataLoader from 'dataloader';
import { within } from '../telemetry/time-limit.js';
import type { Database } from './database.js';

/** Rows of one query. */
const LARGEST = 100;
/** A query that hangs holds up those who ask after it for so long. */
const PATIENCE_SECONDS = 1;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Reads by UUID for the busiest routes: those that are asked for while a query is under way share the next
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

  /** `load` gets ids in lower case without repeats and answers with what it found, by id. */
  constructor(
    private readonly database: Database,
    private readonly load: (ids: readonly string[]) => Promise<ReadonlyMap<string, Row>>,
  ) {}

  /** Undefined when there is no such row, and for text that is no UUID. */
  async find(id: string): Promise<Row | undefined> {
    // One that PostgreSQL cannot read would fail the query of all.
    if (!UUID.test(id)) return undefined;
    const key = id.toLowerCase();
    if (this.database.isInTransaction) return (await this.load([key])).get(key);
    return this.loader.load(key);
  }

  private async read(ids: readonly string[]): Promise<(Row | undefined)[]> {
    // The first asker's request, and whatever it does next, is not the others'.
    const loading = this.database.apart(() => this.load([...new Set(ids)]));
    this.underWay = within(PATIENCE_SECONDS, loading).catch(() => undefined);
    const rows = await loading;
    return ids.map((id) => rows.get(id));
  }
}
