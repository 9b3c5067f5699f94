/**
 * The data directory: `input` and `output` stay, `temp` is wiped at every start (protocol §4.12).
 * Every path that a request or a graph names is resolved here and nowhere else.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

const FOLDER_TYPES = ['input', 'output', 'temp'] as const;
export type FolderType = (typeof FOLDER_TYPES)[number];

/** How a node reports one written file, and what `/view` is asked with (protocol §5). */
export interface FileItem {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: FolderType;
}

/** True if `candidate` is `parent` itself or lies below it. */
export const isInside = (parent: string, candidate: string): boolean =>
  candidate === parent || candidate.startsWith(parent + path.sep);

export const folderType = (value: string): FolderType | undefined =>
  FOLDER_TYPES.find((type) => type === value);

export class Folders {
  private readonly base: string;

  constructor(dataDir: string) {
    this.base = path.resolve(dataDir);
  }

  /** Makes the folders, and empties `temp` as every start of the server does. */
  prepare(): void {
    rmSync(this.of('temp'), { recursive: true, force: true });
    for (const type of FOLDER_TYPES) mkdirSync(this.of(type), { recursive: true });
  }

  of(type: FolderType): string {
    return path.join(this.base, type);
  }

  /** Splits `a/b.png [temp]` into name and folder; without a suffix the type is undefined. */
  parseAnnotated(name: string): { name: string; type: FolderType | undefined } {
    const match = /^(.*) ?\[(input|output|temp)\]$/s.exec(name);
    return match
      ? { name: (match[1] ?? '').trimEnd(), type: folderType(match[2] ?? '') }
      : { name, type: undefined };
  }

  /** The file behind a LoadImage value, or undefined if it is missing or lies elsewhere. */
  findInput(annotated: string): string | undefined {
    const { name, type } = this.parseAnnotated(annotated);
    const root = this.of(type ?? 'input');
    const file = path.resolve(root, name);
    return isInside(root, file) && file !== root && existsSync(file) ? file : undefined;
  }

  /** The files at the top of `input`, as the LoadImage combo lists them. */
  listInputs(): string[] {
    return readdirSync(this.of('input'), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .sort();
  }

  /**
   * Claims the next names of a save node: `prefix_00001_` counts on from the files present, `%…%`
   * tokens are filled, the prefix may name folders. Throws if it leaves the folder (recording e).
   */
  allocate(type: FolderType, prefix: string, size: { width: number; height: number }) {
    const root = this.of(type);
    const normal = path.normalize(fillTokens(prefix, size));
    const directory = path.resolve(root, path.dirname(normal));
    if (!isInside(root, directory)) {
      throw new Error(
        '**** ERROR: Saving image outside the output folder is not allowed.\n' +
          ` full_output_folder: ${directory}\n         output_dir: ${root}`,
      );
    }
    mkdirSync(directory, { recursive: true });
    const stem = path.basename(normal);
    const taken = readdirSync(directory)
      .filter((name) => name.startsWith(`${stem}_`))
      .map((name) => Number.parseInt(name.slice(stem.length + 1), 10))
      .filter((counter) => !Number.isNaN(counter));
    let counter = Math.max(0, ...taken);
    const subfolder = path.relative(root, directory);
    return {
      next: (extension: string): { file: string; item: FileItem } => {
        counter += 1;
        return this.file(type, subfolder, `${stem}_${pad(counter)}${extension}`);
      },
      again: (extension: string) =>
        this.file(type, subfolder, `${stem}_${pad(counter)}${extension}`),
    };
  }

  private file(type: FolderType, subfolder: string, filename: string) {
    return {
      file: path.join(this.of(type), subfolder, filename),
      item: { filename, subfolder, type },
    };
  }
}

const pad = (counter: number): string => String(counter).padStart(5, '0');

const fillTokens = (prefix: string, { width, height }: { width: number; height: number }) => {
  const now = new Date();
  const two = (value: number) => String(value).padStart(2, '0');
  const values: Record<string, string> = {
    width: String(width),
    height: String(height),
    year: String(now.getFullYear()),
    month: two(now.getMonth() + 1),
    day: two(now.getDate()),
    hour: two(now.getHours()),
    minute: two(now.getMinutes()),
    second: two(now.getSeconds()),
  };
  return prefix.replace(/%(\w+)%/g, (token, name: string) => values[name] ?? token);
};
