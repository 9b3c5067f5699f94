/**
 * npm run bench [-- <name>…] [--json]
 *
 * Runs all measurements, or those named, one after the other, and prints a table, or with --json
 * one line per figure. Exits with 1 when a measurement could not be made; a figure that misses its
 * goal is a figure like any other.
 */
import { MEASUREMENTS } from './figures.ts';

const words = process.argv.slice(2);
const isJson = words.includes('--json');
const asked = words.filter((word) => word !== '--json');
const unknown = asked.filter((name) => !(name in MEASUREMENTS));
if (unknown.length > 0) {
  console.error(
    `No measurement ${unknown.join(', ')}; there are ${Object.keys(MEASUREMENTS).join(', ')}.`,
  );
  process.exit(2);
}

const COLUMNS = ['name', 'value', 'unit', 'baseline', 'ratio', 'goal'];
const WIDTHS = [34, 10, 11, 10, 8, 14];
const row = (cells) =>
  cells.map((cell, column) => String(cell ?? '–').padEnd(WIDTHS[column])).join(' ');

const show = ({ goal, ...figure }) =>
  isJson ? JSON.stringify(figure) : row(COLUMNS.map((column) => ({ ...figure, goal })[column]));

if (!isJson) console.log(row(COLUMNS));
for (const name of asked.length > 0 ? asked : Object.keys(MEASUREMENTS)) {
  try {
    for (const figure of await MEASUREMENTS[name]()) console.log(show(figure));
  } catch (error) {
    console.error(`${name} could not be measured:`, error);
    process.exitCode = 1;
  }
}
