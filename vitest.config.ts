import path from 'node:path';
import { defineConfig } from 'vitest/config';

/**
 * Four projects: `unit` (pure logic beside its source), `medium` (a module with real PostgreSQL,
 * queue and sandbox), `contract` (drivers and the sandbox against recordings) and `e2e`
 * (whole processes over HTTP only).
 */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.spec.ts'], testTimeout: 10_000 } },
      ...(['medium', 'contract', 'e2e'] as const).map((name) => ({
        test: {
          name,
          include: [`test/${name}/**/*.spec.ts`],
          globalSetup: ['test/support/global-setup.ts'],
          // Whole processes start and stop in these, on a machine that may be busy.
          testTimeout: 180_000,
          hookTimeout: 120_000,
          // Of the processes that specs start, by the dozen.
          env: { NODE_COMPILE_CACHE: path.resolve('dist/.compile-cache') },
        },
      })),
    ],
    maxWorkers: 2,
  },
});
