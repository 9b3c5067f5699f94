import { Injectable } from '@nestjs/common';
import { TransactionHost } from '@nestjs-cls/transactional';
import type { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsService } from 'nestjs-cls';
import type pg from 'pg';
import { DataSource, type EntityManager, type QueryResult } from 'typeorm';
import { ReadRounds } from './read-rounds.js';

/** TypeORM types the records of a raw query as any; the caller knows its columns. */
const rowsOf = <Row>(result: QueryResult): Row[] => result.records as Row[];

/** A statement of the busiest routes, planned once per connection under a `name` that stands for this text alone. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Statements that are asked of a connection in one tick leave in one write. */
const ask = async (client: pg.PoolClient, { name, text, values }: Statement): Promise<object[]> => {
  const { stream } = client.connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
  return (await client.query({ name, text, values: [...values] })).rows as object[];
};

/**
 * The way to PostgreSQL. Inside {@link transaction} every query of the same call chain, in any
 * module, runs in that transaction; outside, each query stands alone.
 */
@Injectable()
export class Database {
  /** For {@link SharedReads}. */
  readonly rounds = new ReadRounds(this);

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
   * The results of statements of one transaction that do not need each other's answers: begun together,
   * they reach PostgreSQL in one go, in no promised order. Throws the first failure of the list, once
   * all have ended.
   */
  async together<Results extends readonly unknown[]>(statements: {
    readonly [At in keyof Results]: Promise<Results[At]>;
  }): Promise<Results> {
    await Promise.allSettled(statements);
    return (await Promise.all(statements)) as unknown as Results;
  }

  /** Runs `work` as if no request and no transaction were around it. */
  apart<T>(work: () => T): T {
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

  /** As {@link query}, for a {@link Statement}. */
  async prepared<Row extends object>(
    name: string,
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    const current = this.manager.queryRunner;
    const runner = current ?? this.source.createQueryRunner();
    try {
      const client = (await runner.connect()) as pg.PoolClient;
      return (await ask(client, { name, text, values })) as Row[];
    } finally {
      if (!current) await runner.release();
    }
  }

  /**
   * The rows of each: one write to one connection, where they run in this order, in the caller's
   * transaction if there is one. Without one each may fail on its own.
   */
  sendTogether(statements: readonly Statement[]): Promise<object[]>[] {
    const current = this.manager.queryRunner;
    const runner = current ?? this.source.createQueryRunner();
    const sent = runner
      .connect()
      .then((client: pg.PoolClient) => statements.map((statement) => ask(client, statement)));
    const results = statements.map(async (_, at) => (await sent)[at] ?? []);
    const ended = Promise.allSettled(results);
    if (!current) void ended.then(() => runner.release()).catch(() => undefined);
    return results;
  }

  /** The first row of {@link query}, or undefined. */
  async one<Row extends object>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<Row | undefined> {
    return (await this.query<Row>(sql, parameters))[0];
  }
}
