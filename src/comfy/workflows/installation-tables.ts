import { MODEL_FILES, NODE_PACKS } from './installation.js';

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** The node packs of a GPU machine as a Markdown table, for docs/workflows.md. */
export const nodePackTable = (): string =>
  table(
    ['pack', 'licence', 'note', 'node classes'],
    NODE_PACKS.map(({ repository, licence, note = '', classes }) => [
      `[${repository}](https://github.com/${repository})`,
      licence,
      note,
      classes.map((name) => `\`${name}\``).join(', '),
    ]),
  );

/** The model files of a GPU machine as a Markdown table, for docs/workflows.md. */
export const modelFileTable = (): string =>
  table(
    ['file', 'folder below ComfyUI', 'origin'],
    MODEL_FILES.map(({ file, folder, origin }) => [`\`${file}\``, folder, origin]),
  );
