import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { environmentTable } from '../../config/index.js';
import type { Command } from '../command.js';
import { projectFile, writeProjectFile } from './project.js';

const BEGIN = '<!-- environment -->';
const END = '<!-- /environment -->';
const README = 'README.md';

/** The text with the table between the markers; they are put at the end where there are none. */
export const withTable = (text: string, table: string): string => {
  const marked = `${BEGIN}\n<!-- prettier-ignore-start -->\n\n${table}\n\n<!-- prettier-ignore-end -->\n${END}`;
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) return `${text.trimEnd()}\n\n## Environment\n\n${marked}\n`;
  return text.slice(0, from) + marked + text.slice(to + END.length);
};

export const environment: Command = {
  summary: 'Writes the table of all environment variables into README.md, between its markers.',
  usage: '',

  async run(args) {
    parseArgs({ args });
    const text = await readFile(projectFile(README), 'utf8');
    await writeProjectFile(README, withTable(text, environmentTable()));
    return 0;
  },
};
