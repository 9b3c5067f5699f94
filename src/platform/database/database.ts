import { Injectable } from '@nestjs/common';
import { TransactionHost } from '@nestjs-cls/transactional';
import type { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsService } from 'nestjs-cls';
import type pg from 'pg';
import { DataSource, type EntityManager, type QueryResult } from 'typeorm';

/** TypeORM types the records of a raw query as any; the caller knows its columns. */
const rowsOf = <Row>(result: QueryResult): Row[] => result.records as Row[];

/**
 * The way to PostgreSQL. Inside {@link transaction} every query of the same call chain, in any
 * module, runs in that transaction; outside, each query stands alone.
 */
@Injectable()
export class Database {
  constructor(
    private readonly host: TransactionHost<TransactionalAdapterTypeOrm>,
    private readonly cls: ClsService,
    private readonly source: DataSource,
  ) {}

  /** TypeORM's manager of the running transaction, or the plain one. */
  get manager(): EntityManager {
    return this.cls.isActive() ? this.host.tx : this.source.manager;
  }

  /**
   * Runs `work` in a transaction (READ COMMITTED): committed when it resolves, rolled back when it
   * rejects. A nested call joins the outer transaction.
   */
  transaction<T>(work: () => Promise<T>): Promise<T> {
    const begin = () => this.host.withTransaction(work);
    return this.cls.isActive() ? begin() : this.cls.run(begin);
  }

  /** True while the caller is inside {@link transaction}. */
  get isInTransaction(): boolean {
    return this.cls.isActive() && this.host.isTransactionActive();
  }

  /**
   * Waits for statements of one transaction that do not need each other's answers: begun together,
   * they reach PostgreSQL in one go, in no promised order. Throws the first failure of the list, once
   * all have ended.
   */
  async together(statements: readonly Promise<unknown>[]): Promise<void> {
    const results = await Promise.allSettled(statements);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Runs `work` as if no request and no transaction were around it. */
  apart<T>(work: () => Promise<T>): Promise<T> {
    return this.cls.exit(work);
  }

  /**
   * Runs one SQL statement and returns its rows, those of `RETURNING` included.
   * `Row` is what the caller knows of the columns; int8 arrives as number, timestamptz as Date.
   */
  async query<Row extends object>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<Row[]> {
    const current = this.manager.queryRunner;
    if (current) return rowsOf<Row>(await current.query(sql, [...parameters], true));
    const runner = this.source.createQueryRunner();
    try {
      return rowsOf<Row>(await runner.query(sql, [...parameters], true));
    } finally {
      await runner.release();
    }
  }

  /**
   * As {@link query}, for the few statements of the busiest routes: planned once per connection under
   * `name`, which always stands for the same text.
   */
  async prepared<Row extends object>(
    name: string,
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    const current = this.manager.queryRunner;
    const runner = current ?? this.source.createQueryRunner();
    try {
      const client = (await runner.connect()) as pg.PoolClient;
      return (await client.query({ name, text, values: [...values] })).rows as Row[];
    } finally {
      if (!current) await runner.release();
    }
  }

  /** The first row of {@link query}, or undefined. */
  async one<Row extends object>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<Row | undefined> {
    return (await this.query<Row>(sql, parameters))[0];
  }
}
