import { defineConfig } from 'vitest/config';

/** The image's file tree, assembled and started: apart from `npm test`, because it installs anew. */
export default defineConfig({
  test: {
    name: 'image',
    include: ['test/image/**/*.spec.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 600_000,
  },
});
