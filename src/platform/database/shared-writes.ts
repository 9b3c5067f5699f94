import DataLoader from 'dataloader';
import type { EntityManager } from 'typeorm';
import type { Database } from './database.js';

/**
 * Writes of one kind that are asked for at the same moment in one transaction, such as the orders of a
 * shared one, made by one call of `writeAll`: as many statements for twenty as for one.
 */
export class SharedWrites<Item> {
  private readonly loaders = new WeakMap<EntityManager, DataLoader<Item, void>>();

  /** `writeAll` gets the items in the order in which they were asked for, and writes all or throws. */
  constructor(
    private readonly database: Database,
    private readonly writeAll: (items: readonly Item[]) => Promise<void>,
  ) {}

  /** Resolves once the item is written in the caller's transaction; throws what its call of `writeAll` threw. */
  async write(item: Item): Promise<void> {
    if (!this.database.isInTransaction) throw new Error('Shared writes need a transaction.');
    await this.loaderOf(this.database.manager).load(item);
  }

  private loaderOf(transaction: EntityManager): DataLoader<Item, void> {
    let loader = this.loaders.get(transaction);
    if (!loader) {
      const write = async (items: readonly Item[]) => {
        await this.writeAll(items);
        return items.map(() => undefined);
      };
      loader = new DataLoader(write, { cache: false });
      this.loaders.set(transaction, loader);
    }
    return loader;
  }
}
