import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbedded } from '../../embedded/index.js';
import type { Command } from '../command.js';
import { databaseConfig } from '../environment.js';
import { migrateDatabase } from '../migrate.command.js';
import { writeProjectFile } from './project.js';
import { schemaOf } from './schema-dump.js';

export const schema: Command = {
  summary: 'Writes docs/schema.sql: what all migrations make of an empty, temporary database.',
  usage: '',

  async run(args) {
    parseArgs({ args });
    const dataDir = await mkdtemp(path.join(tmpdir(), 'house-of-models-schema-'));
    const embedded = await startEmbedded({
      dataDir,
      services: ['postgres'],
      mailboxPort: undefined,
    });
    try {
      const url = embedded.environment['DATABASE_URL'] ?? '';
      await migrateDatabase(databaseConfig(url));
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        await writeProjectFile('docs/schema.sql', await schemaOf(client));
      } finally {
        await client.end();
      }
      return 0;
    } finally {
      await embedded.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
};
