import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { format } from 'prettier';
import { modelFileTable, nodePackTable } from '../../src/comfy/workflows/installation-tables.js';
import { WORKFLOWS } from '../support/graphs.js';

const PAGE = 'docs/workflows.md';

const withTable = (page: string, name: string, table: string): string =>
  page.replace(
    new RegExp(`<!-- ${name} -->[^]*<!-- /${name} -->`),
    () => `<!-- ${name} -->\n\n${table}\n\n<!-- /${name} -->`,
  );

it('has the tables of node packs and model files as they are checked', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const tables = withTable(withTable(page, 'packs', nodePackTable()), 'files', modelFileTable());
  const now = await format(tables, { parser: 'markdown', printWidth: 100 });
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(PAGE, now);
  else expect(page, 'run with UPDATE_GOLDEN=1 to write it').toBe(now);
});

it('names every workflow with its parameters, outputs and price', () => {
  const page = readFileSync(PAGE, 'utf8');
  for (const { id, parameters, inputs, outputs, defaultCredits } of WORKFLOWS) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${id}\``)) ?? '';
    const named = [...Object.keys(parameters), ...inputs.slice(1).map(({ field }) => field)];
    for (const name of [...named, ...outputs.map((output) => output.name)]) {
      expect(row, id).toContain(`\`${name}\``);
    }
    expect(row, id).toMatch(new RegExp(`\\| ${defaultCredits} +\\|$`));
  }
});
