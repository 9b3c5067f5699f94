import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isNode, LineCounter, parseDocument, type Document } from 'yaml';

/** A JSON or YAML file that is read once and knows the lines of its parts. */
export interface SourceFile {
  /** As the operator knows it: folder and file name. */
  readonly name: string;
  readonly content: unknown;
  /** The line of the part at `at`, or of the nearest part around it. */
  lineOf(at: readonly string[]): number;
}

/** An own workflow that is not offered: where, and why. */
export class Refused extends Error {
  readonly file: string;
  readonly line: number;

  constructor(
    source: Pick<SourceFile, 'name' | 'lineOf'>,
    at: readonly string[],
    readonly reason: string,
  ) {
    super(`${source.name}:${source.lineOf(at)} ${reason}`);
    this.file = source.name;
    this.line = source.lineOf(at);
  }
}

/** Keys of lists are numbers in a document. */
const stepOf = (key: string): string | number => (/^\d+$/.test(key) ? Number(key) : key);

const nodeAt = (document: Document, at: readonly string[]) =>
  [at, at.map(stepOf)].map((keys) => document.getIn(keys, true)).find(isNode);

const lineFinder =
  (document: Document, lines: LineCounter) =>
  (at: readonly string[]): number => {
    for (let depth = at.length; depth >= 0; depth -= 1) {
      const offset = nodeAt(document, at.slice(0, depth))?.range?.[0];
      if (offset !== undefined) return lines.linePos(offset).line;
    }
    return 1;
  };

/** Throws {@link Refused} when there is no such file or it is neither JSON nor YAML. */
export const readSource = (file: string): SourceFile => {
  const name = path.join(path.basename(path.dirname(file)), path.basename(file));
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new Refused({ name, lineOf: () => 1 }, [], 'cannot be read');
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error) {
    const { line } = lines.linePos(error.pos[0]);
    throw new Refused(
      { name, lineOf: () => line },
      [],
      error.message.split('\n')[0] ?? 'is broken',
    );
  }
  return { name, content: document.toJS() as unknown, lineOf: lineFinder(document, lines) };
};
