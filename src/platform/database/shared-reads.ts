import DataLoader from 'dataloader';
import { isUuid } from '../uuid.js';
import type { Database, Statement } from './database.js';

/** Rows of one query. */
const LARGEST = 100;
/**
 * Behind a subselect the number of ids is hidden, so that PostgreSQL keeps one plan per connection; it would else
 * plan for each list anew, which costs more than the reading (PREPARE, "plan_cache_mode").
 */
const IDS = 'ANY ((SELECT $1::uuid[])::uuid[])';

/**
 * Reads by UUID for the busiest routes: those that are asked for while a query is under way share the next
 * one, so that a crowd of askers costs few queries. Nothing is kept: every answer was read after its
 * question. Inside a transaction a read stands alone and sees what the transaction sees.
 */
export class SharedReads<Row extends object> {
  private readonly text: string;
  private readonly loader = new DataLoader<string, Row | undefined>((ids) => this.read(ids), {
    cache: false,
    maxBatchSize: LARGEST,
    batchScheduleFn: (go) => this.database.rounds.join(go),
  });

  /**
   * `query` is the statement around its ids, as in `WHERE id = ${ids}`; it gets them in lower case without
   * repeats and gives their rows in any order. `name` is its own, as in {@link Statement}.
   */
  constructor(
    private readonly database: Database,
    private readonly name: string,
    query: (ids: string) => string,
    private readonly idOf: (row: Row) => string,
  ) {
    this.text = query(IDS);
  }

  /** The query for these ids, in lower case without repeats, for who sends it along with others. */
  statementOf(ids: readonly string[]): Statement {
    return { name: this.name, text: this.text, values: [ids] };
  }

  /** Undefined when there is no such row, and for text that is no UUID. */
  async find(id: string): Promise<Row | undefined> {
    return (await this.findAll([id]))[0];
  }

  /** Those of the rows that exist, each once. */
  async findAll(ids: readonly string[]): Promise<Row[]> {
    // One that PostgreSQL cannot read would fail the query of all.
    const known = ids.map((id) => id.toLowerCase()).filter(isUuid);
    const keys = [...new Set(known)];
    if (keys.length === 0) return [];
    if (this.database.isInTransaction) return this.database.prepared(this.name, this.text, [keys]);
    const rows = await Promise.all(keys.map((key) => this.loader.load(key)));
    return rows.filter((row) => row !== undefined);
  }

  private async read(ids: readonly string[]): Promise<(Row | undefined)[]> {
    const found = await this.database.rounds.ask<Row>(this.statementOf([...new Set(ids)]));
    const rows = new Map(found.map((row) => [this.idOf(row), row]));
    return ids.map((id) => rows.get(id));
  }
}
