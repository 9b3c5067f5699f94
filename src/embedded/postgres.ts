import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { postgresBinaries } from './binaries.js';
import { startWatchedChild, type Child } from './child.js';
import {
  DATABASE,
  disguise,
  disguised,
  openCluster,
  postmasterLines,
  stopEarlier,
  type Cluster,
  type Disguise,
} from './cluster.js';
import { EmbeddedError } from './errors.js';
import { freePort, LOOPBACK } from './ports.js';

/** Small, quiet and durable: fsync and full_page_writes keep their defaults. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: LOOPBACK,
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '32MB',
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  min_wal_size: '16MB',
  max_wal_size: '256MB',
  io_method: 'sync',
  max_worker_processes: '2',
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  max_logical_replication_workers: '0',
  huge_pages: 'off',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  log_min_messages: 'warning',
  // A failed statement may carry a person's data, and who fails it reports it.
  log_min_error_statement: 'panic',
};

export interface PostgresOptions {
  /** The cluster lives here; its drafts beside it. An absolute path. */
  folder: string;
  logFile: string;
  /** Set: this port or none. */
  port?: number | undefined;
  /** Over the defaults, for tests: `{ fsync: 'off' }`. */
  settings?: Readonly<Record<string, string>>;
}

export interface RunningPostgres {
  port: number;
  /** Of the server itself, not of the shell that watches over it. */
  pid: number;
  exited: Promise<string>;
  /** Where a database of this server is found; the product's own when no name is given. */
  url(database?: string): string;
  stop(): Promise<void>;
}

const START_ATTEMPTS = 8;
const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 5;
const STOP_GRACE_MS = 4_000;

/**
 * Starts PostgreSQL on the cluster in `folder`, making what is missing: cluster and database. A
 * server that an earlier run left behind is stopped first. The caller alone uses that folder.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const { folder, logFile } = options;
  await stopEarlier(folder);
  const how = disguise();
  const cluster = await openCluster(folder, logFile, how);
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const server = await launch(cluster, port, how, options);
    if (await isReady(server, cluster, port)) return await finish(server, cluster, port);
    const log = server.logTail();
    // The port was taken in between, or backends of a killed server hold its memory for a moment.
    const isPassing = /in use|lock file/.test(log);
    await server.stop(0);
    if (attempt >= START_ATTEMPTS || !isPassing) {
      throw new EmbeddedError(`PostgreSQL did not start: ${log || (await server.exited)}`);
    }
    await delay(100 * attempt);
    await stopEarlier(folder);
  }
}

async function launch(
  { data }: Cluster,
  port: number,
  how: Disguise,
  { logFile, settings }: PostgresOptions,
): Promise<Child> {
  const { postgres } = await postgresBinaries();
  const all = Object.entries({ ...SETTINGS, ...settings, port: String(port) });
  const args = ['-D', data, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  return startWatchedChild(disguised(how, { command: postgres, args, logFile }));
}

/** True once the server takes connections, false when it has ended instead or takes too long. */
async function isReady(server: Child, { data }: Cluster, port: number): Promise<boolean> {
  let hasEnded = false;
  void server.exited.then(() => (hasEnded = true));
  const until = performance.now() + READY_TIMEOUT_MS;
  while (!hasEnded && performance.now() < until) {
    const lines = await postmasterLines(data);
    if (lines[3] === String(port) && lines[7] === 'ready') return true;
    await delay(POLL_MS);
  }
  return false;
}

async function finish(server: Child, cluster: Cluster, port: number): Promise<RunningPostgres> {
  const { data, password } = cluster;
  const url = (database: string = DATABASE): string =>
    `postgresql://${DATABASE}:${password}@${LOOPBACK}:${port}/${database}`;
  const stop = async (): Promise<void> => {
    await server.stop(STOP_GRACE_MS);
    // Only needed if the shell had to be killed: the server is no longer watched then.
    await stopEarlier(path.dirname(data));
  };
  try {
    await createDatabase(url('postgres'));
  } catch (error) {
    await stop();
    throw error;
  }
  const pid = Number((await postmasterLines(data))[0]);
  return { port, pid, exited: server.exited, url, stop };
}

async function createDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}
