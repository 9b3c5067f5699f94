import { Injectable } from '@nestjs/common';
import { Database } from './database.js';

/** Works of one transaction. */
const LARGEST = 20;

interface Work {
  readonly run: () => Promise<unknown>;
  readonly answer: PromiseWithResolvers<unknown>;
}

/** Thrown within a shared transaction, so that nothing of it is committed. */
class Spoilt extends Error {}

/**
 * Transactions that would wait for each other, such as all that take from one account: while one of an
 * owner is under way the others of this process wait, and then share the next, its locks and its one
 * flush to the disk. Alone, a work runs at once in a transaction of its own.
 */
@Injectable()
export class SharedTransactions {
  private readonly lines = new Map<string, Work[]>();

  constructor(private readonly database: Database) {}

  /**
   * As {@link Database.transaction}, committed when it resolves. `work` sees nothing of the request around
   * it, may run at the same time as others of its transaction, and runs again, alone, when one of those
   * fails: it must do nothing that a rollback does not undo.
   */
  run<T>(owner: string, work: () => Promise<T>): Promise<T> {
    const answer = Promise.withResolvers<unknown>();
    const line = this.lines.get(owner);
    if (line) line.push({ run: work, answer });
    else {
      const first = [{ run: work, answer }];
      this.lines.set(owner, first);
      // A crowd that was let in together is there a moment later.
      this.database.apart(() => setImmediate(() => void this.drain(owner, first)));
    }
    return answer.promise as Promise<T>;
  }

  private async drain(owner: string, line: Work[]): Promise<void> {
    while (line.length > 0) await this.commit(line.splice(0, LARGEST));
    this.lines.delete(owner);
  }

  private async commit(works: readonly Work[]): Promise<void> {
    const [first] = works;
    if (first && works.length === 1) return this.commitAlone(first);
    try {
      const values = await this.database.transaction(() => this.attempt(works));
      works.forEach(({ answer }, at) => answer.resolve(values[at]));
    } catch (error) {
      if (error instanceof Spoilt) for (const work of works) await this.commitAlone(work);
      // Nobody knows whether a commit that broke off was made: a repeat could make everything twice.
      else for (const { answer } of works) answer.reject(error);
    }
  }

  private async attempt(works: readonly Work[]): Promise<unknown[]> {
    const results = await Promise.allSettled(works.map(({ run }) => run()));
    return results.map((result) => {
      if (result.status === 'rejected') throw new Spoilt();
      return result.value;
    });
  }

  private async commitAlone({ run, answer }: Work): Promise<void> {
    try {
      answer.resolve(await this.database.transaction(run));
    } catch (error) {
      answer.reject(error);
    }
  }
}
