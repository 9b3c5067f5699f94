import { Global, Module, type DynamicModule } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { ClsPluginTransactional } from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsModule } from 'nestjs-cls';
import pg from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';
import { Config } from '../../config/index.js';
import { Database } from './database.js';
import { Notifications } from './notifications.js';
import { SharedTransactions } from './shared-transactions.js';

// int8 (counts, sizes, ids) as number: none of ours comes near 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export type Migration = new () => MigrationInterface;

/** How every process connects; also used by the command line without Nest. */
export const dataSourceOptions = (config: Config, migrations: readonly Migration[]) => ({
  type: 'postgres' as const,
  url: config.database.url,
  migrations: [...migrations],
  migrationsRun: false,
  synchronize: false,
  applicationName: 'house-of-models',
  poolSize: config.database.poolSize,
  // Without a listener a connection that breaks while idle would end the process.
  poolErrorHandler: () => undefined,
  // What is asked together on one connection is sent together; see Database.together.
  extra: { pipeline: true },
});

/** PostgreSQL: the data source, transactions that cross modules, and notifications. */
@Global()
@Module({})
export class DatabaseModule {
  static forRoot(migrations: readonly Migration[]): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [Config],
          useFactory: (config: Config) => ({
            ...dataSourceOptions(config, migrations),
            autoLoadEntities: true,
            retryAttempts: 5,
            retryDelay: 1_000,
          }),
          dataSourceFactory: (options) => {
            if (!options) throw new Error('The data source has no options.');
            return new DataSource(options).initialize();
          },
        }),
        // Not forRoot, whose idle interceptor and guard would cost every request; HttpModule opens the contexts.
        {
          ...ClsModule.registerPlugins([
            new ClsPluginTransactional({
              adapter: new TransactionalAdapterTypeOrm({ dataSourceToken: getDataSourceToken() }),
            }),
          ]),
          global: true,
        },
      ],
      providers: [Database, Notifications, SharedTransactions],
      exports: [Database, Notifications, SharedTransactions],
    };
  }
}
