import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const SAFE_ID = /^[\w.-]{1,80}$/;

/** Files and records of a stand-in on disk, so that what it accepted outlives it. */
export class Shelf {
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  /** Keeps bytes; returns their id. */
  put(bytes: Buffer, prefix = ''): string {
    const id = `${prefix}${randomUUID()}`;
    this.write(id, bytes);
    return id;
  }

  /** Keeps bytes under an id of the caller's. */
  putAs(id: string, bytes: Buffer): void {
    this.write(id, bytes);
  }

  get(id: string): Buffer | undefined {
    if (!SAFE_ID.test(id)) return undefined;
    try {
      return readFileSync(path.join(this.folder, id));
    } catch {
      return undefined;
    }
  }

  putRecord(id: string, record: object): void {
    this.write(`${id}.json`, Buffer.from(JSON.stringify(record)));
  }

  record<T extends object>(id: string): T | undefined {
    const bytes = this.get(`${id}.json`);
    return bytes && (JSON.parse(bytes.toString()) as T);
  }

  records<T extends object>(): T[] {
    const names = readdirSync(this.folder).filter((name) => name.endsWith('.json'));
    return names.flatMap((name) => this.record<T>(name.slice(0, -'.json'.length)) ?? []);
  }

  private write(name: string, bytes: Buffer): void {
    const draft = path.join(this.folder, `.${name}.${process.pid}`);
    writeFileSync(draft, bytes);
    renameSync(draft, path.join(this.folder, name));
  }
}
