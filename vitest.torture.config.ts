import { defineConfig } from 'vitest/config';

/** The long versions of what `npm test` shows in short: minutes each, one after the other. */
export default defineConfig({
  test: {
    name: 'torture',
    include: ['test/torture/**/*.spec.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
