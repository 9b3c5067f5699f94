import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import { Config } from '../../config/index.js';
import { Database } from './database.js';

type Listener = (payload: string) => void;

const RECONNECT_MS = 1_000;

/**
 * PostgreSQL NOTIFY as a nudge between processes. One LISTEN connection per process. A notification
 * may be lost (while reconnecting) or doubled: listeners re-read the truth, and are called once with
 * an empty payload after every reconnect.
 */
@Injectable()
export class Notifications implements OnApplicationShutdown {
  private readonly logger = new Logger(Notifications.name);
  private readonly listeners = new Map<string, Set<Listener>>();
  private client: pg.Client | undefined;
  private connecting: Promise<void> | undefined;
  private isClosed = false;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
  ) {}

  /** Sends a nudge; inside a transaction it goes out on commit. */
  async notify(channel: string, payload: string): Promise<void> {
    await this.database.query('SELECT pg_notify($1, $2)', [channel, payload]);
  }

  /** Calls `listener` for each nudge on `channel` until the returned function is called. */
  async subscribe(channel: string, listener: Listener): Promise<() => void> {
    const known = this.listeners.get(channel) ?? new Set();
    const isNew = known.size === 0;
    known.add(listener);
    this.listeners.set(channel, known);
    await this.connect();
    if (isNew) await this.client?.query(`LISTEN "${channel}"`);
    return () => known.delete(listener);
  }

  async onApplicationShutdown(): Promise<void> {
    this.isClosed = true;
    await this.client?.end().catch(() => undefined);
  }

  private connect(): Promise<void> {
    if (this.client || this.isClosed) return Promise.resolve();
    this.connecting ??= this.open().finally(() => (this.connecting = undefined));
    return this.connecting;
  }

  private async open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.config.database.url,
      application_name: 'house-of-models:listen',
      keepAlive: true,
    });
    client.on('notification', ({ channel, payload }) => this.dispatch(channel, payload ?? ''));
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client));
    await client.connect();
    for (const channel of this.listeners.keys()) await client.query(`LISTEN "${channel}"`);
    this.client = client;
  }

  private lost(client: pg.Client, error?: Error): void {
    if (this.client !== client || this.isClosed) return;
    this.client = undefined;
    this.logger.warn(`LISTEN connection lost${error ? `: ${error.message}` : ''}`);
    client.end().catch(() => undefined);
    this.reconnectLater();
  }

  private reconnectLater(): void {
    setTimeout(() => {
      this.connect().then(
        () => this.listeners.forEach((_, channel) => this.dispatch(channel, '')),
        () => this.reconnectLater(),
      );
    }, RECONNECT_MS).unref();
  }

  private dispatch(channel: string, payload: string): void {
    for (const listener of this.listeners.get(channel) ?? []) listener(payload);
  }
}
