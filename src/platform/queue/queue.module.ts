import { BullModule } from '@nestjs/bullmq';
import {
  Global,
  Inject,
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { createPostgresBackend, runMigrations, setDefaultBackendFactory } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { Config } from '../../config/index.js';
import { within } from '../time-limit.js';

/** The connection that every BullMQ object of this process shares. */
export const QUEUE_CONNECTION = Symbol('QUEUE_CONNECTION');

export type QueueConnection = pg.Pool | Redis;

const SCHEMA = 'bullmq';
/** A worker parks one connection in LISTEN; the rest serve short queries. */
const POOL_SIZE = 10;
/** A worker that is closed while it begins to listen keeps its connection for good, and a pool waits for all. */
const END_SECONDS = 2;

const connect = async (config: Config): Promise<QueueConnection> => {
  if (config.queue.redisUrl) {
    setDefaultBackendFactory();
    // Ours, and shared: one that a queue owned would keep its closing waiting while Redis is away.
    const redis = new Redis(config.queue.redisUrl, { maxRetriesPerRequest: null });
    // BullMQ tells of each failure by its own objects.
    redis.on('error', () => undefined);
    return redis;
  }
  setDefaultBackendFactory(createPostgresBackend);
  const pool = new pg.Pool({
    connectionString: config.database.url,
    max: POOL_SIZE,
    options: `-c search_path=${SCHEMA}`,
    application_name: 'house-of-models:queue',
  });
  // Without a listener a connection that breaks while idle would end the process.
  pool.on('error', () => undefined);
  if (config.process.migrateOnStart) await migrateQueue(pool);
  return pool;
};

/** Creates or upgrades BullMQ's own schema in PostgreSQL; safe to repeat and to run in parallel. */
export const migrateQueue = async (pool: pg.Pool): Promise<void> => {
  const client = await pool.connect();
  try {
    await runMigrations(client, SCHEMA);
  } finally {
    client.release();
  }
};

@Global()
@Module({
  providers: [
    {
      provide: QUEUE_CONNECTION,
      inject: [Config],
      useFactory: connect,
    },
  ],
  exports: [QUEUE_CONNECTION],
})
class QueueConnectionModule implements OnApplicationShutdown {
  private readonly logger = new Logger(QueueModule.name);

  constructor(@Inject(QUEUE_CONNECTION) private readonly connection: unknown) {}

  async onApplicationShutdown(): Promise<void> {
    if (this.connection instanceof pg.Pool) {
      await within(END_SECONDS, this.connection.end()).catch((error: unknown) =>
        this.logger.warn({ err: error }, 'a connection of the queue was not given back'),
      );
    }
    if (this.connection instanceof Redis) this.connection.disconnect();
  }
}

/** BullMQ on Redis where REDIS_URL names one, else on the same PostgreSQL. */
@Module({})
export class QueueModule {
  static forRoot(): DynamicModule {
    return {
      module: QueueModule,
      imports: [
        QueueConnectionModule,
        BullModule.forRootAsync({
          inject: [QUEUE_CONNECTION],
          // BullMQ's option type names Redis only; its PostgreSQL backend takes the pool here.
          useFactory: (connection: QueueConnection) => ({
            connection: connection as Redis,
          }),
        }),
      ],
    };
  }
}
