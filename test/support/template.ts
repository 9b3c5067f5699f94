/**
 * Brings the database from which `testDatabase({ from: 'template' })` clones to the product's latest
 * schema. Must leave no connection open. Nothing yet: filled in once the product's migrations are
 * listed in one place.
 */
export async function migrateTemplate(_url: string): Promise<void> {
  return Promise.resolve();
}
