/**
 * Assembles the files of the image without a container engine, by the steps of docker/Dockerfile:
 * `node scripts/image-tree.mjs <folder>` leaves the application in <folder>/app, with the Node that
 * runs this in <folder>/node, and prints their megabytes.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { trim } from '../docker/trim.mjs';
import { build } from './build.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const bytesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .reduce((sum, entry) => sum + lstatSync(path.join(entry.parentPath, entry.name)).size, 0);

/** Returns the bytes of all files. Throws when a step fails. */
export const assemble = (folder) => {
  const app = path.join(folder, 'app');
  mkdirSync(app, { recursive: true });
  if (build() !== 0) throw new Error('The build failed.');
  for (const name of ['package.json', 'package-lock.json']) {
    copyFileSync(path.join(root, name), path.join(app, name));
  }
  const npm = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status } = spawnSync('npm', npm, { cwd: app, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`npm ci ended with ${status}.`);
  cpSync(path.join(root, 'dist'), path.join(app, 'dist'), { recursive: true });
  trim(app);
  copyFileSync(process.execPath, path.join(folder, 'node'));
  return bytesIn(folder);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = process.argv.slice(2);
  if (!folder) throw new Error('Name the folder: node scripts/image-tree.mjs <folder>.');
  console.log(`${(assemble(path.resolve(folder)) / 1e6).toFixed(0)} MB`);
}
