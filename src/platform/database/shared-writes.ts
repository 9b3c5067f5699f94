import DataLoader from 'dataloader';
import type { EntityManager } from 'typeorm';
import type { Database } from './database.js';

/**
 * Writes of one kind that are asked for at the same moment in one transaction, such as the orders of a
 * shared one, made by one call of `writeAll`: as many statements for twenty as for one.
 */
export class SharedWrites<Item, Result = void> {
  private readonly loaders = new WeakMap<EntityManager, DataLoader<Item, Result>>();

  /**
   * `writeAll` gets the items in the order in which they were asked for, and writes all, with a result for
   * each in that order, or throws.
   */
  constructor(
    private readonly database: Database,
    private readonly writeAll: (items: readonly Item[]) => Promise<readonly Result[]>,
  ) {}

  /** The item's result once it is written in the caller's transaction; throws what its call of `writeAll` threw. */
  async write(item: Item): Promise<Result> {
    if (!this.database.isInTransaction) throw new Error('Shared writes need a transaction.');
    return this.loaderOf(this.database.manager).load(item);
  }

  private loaderOf(transaction: EntityManager): DataLoader<Item, Result> {
    let loader = this.loaders.get(transaction);
    if (!loader) {
      loader = new DataLoader((items: readonly Item[]) => this.writeAll(items), { cache: false });
      this.loaders.set(transaction, loader);
    }
    return loader;
  }
}
