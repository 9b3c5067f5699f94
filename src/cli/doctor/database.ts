import pg from 'pg';
import { MIGRATIONS } from '../../app.module.js';
import type { Config } from '../../config/index.js';
import { bad, ok, reasonOf, type Finding } from './finding.js';

const CONNECT_MS = 5_000;
/** What one process uses, and a second one during a deployment. */
const COMFORTABLE_CONNECTIONS = 80;

const connectionRoom = async (client: pg.Client): Promise<Finding> => {
  const { rows } = await client.query<{ used: number; most: number }>(
    `SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS used,
       current_setting('max_connections')::int AS most`,
  );
  const { used, most } = rows[0] ?? { used: 0, most: 0 };
  const detail = `${used} of ${most} connections in use`;
  return used / most > COMFORTABLE_CONNECTIONS / 100
    ? bad('Connections', `${detail}: raise max_connections or lower DATABASE_POOL_SIZE`)
    : ok('Connections', detail);
};

const migrations = async (client: pg.Client): Promise<Finding> => {
  const { rows } = await client
    .query<{ name: string }>('SELECT name FROM migrations')
    .catch(() => ({
      rows: [] as { name: string }[],
    }));
  const applied = new Set(rows.map(({ name }) => name));
  const known = new Set(MIGRATIONS.map((migration) => migration.name));
  const pending = [...known].filter((name) => !applied.has(name));
  const foreign = [...applied].filter((name) => !known.has(name));
  if (pending.length > 0) {
    return bad(
      'Migrations',
      `${pending.length} not applied (${pending[0]} …): run npm run cli -- migrate`,
    );
  }
  if (foreign.length > 0) {
    return bad('Migrations', `the database is newer than this code: it has ${foreign.join(', ')}`);
  }
  return ok('Migrations', `all ${known.size} applied`);
};

/** The database by itself, without the product: reachable, up to date, with room. */
export const examineDatabase = async (config: Config): Promise<readonly Finding[]> => {
  const client = new pg.Client({
    connectionString: config.database.url,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'house-of-models:doctor',
  });
  const startedAt = performance.now();
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string }>(
      "SELECT current_setting('server_version') AS version",
    );
    const version = rows[0]?.version ?? '';
    const ms = Math.round(performance.now() - startedAt);
    return [
      ok('Database', `PostgreSQL ${version}, first answer in ${ms} ms`),
      await connectionRoom(client),
      await migrations(client),
    ];
  } catch (error) {
    return [bad('Database', `DATABASE_URL: ${reasonOf(error)}`)];
  } finally {
    await client.end().catch(() => undefined);
  }
};
