import { expect, it } from 'vitest';
import { STORAGE_MIGRATIONS, StorageModule } from '../../../src/storage/index.js';
import { ModuleApp } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';
import { killWhileStoring } from '../../support/storage-kills.js';

it('50 kill -9 while files are stored leave no dangling row and nothing partial', async () => {
  const { url: databaseUrl } = await testDatabase();
  const app = await ModuleApp.start({
    databaseUrl,
    migrations: STORAGE_MIGRATIONS,
    modules: [StorageModule.forRoles(['api', 'worker'])],
  });
  try {
    const report = await killWhileStoring(app, databaseUrl, 50);
    console.log(JSON.stringify(report));
    expect(report.cutBeforeCommit).toBeGreaterThan(0);
  } finally {
    await app.stop();
  }
});
