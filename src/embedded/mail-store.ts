import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Email } from 'aws-ses-v2-local/dist/store.js';

/** The part of aws-ses-v2-local's store that its handlers call through the module, at the time of the call. */
interface MailStore {
  saveEmail: (email: Email) => void;
  clearStore: () => void;
  getStoreReadonly: () => { emails: Email[] };
}

/** Newest mails are kept up to this size; pictures make mails large, and the stand-in holds them in memory. */
const LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * Makes the SES stand-in keep its mails in `folder`: what it kept before is there again, and a mail
 * is on disk before the stand-in answers. One JSON object a line; a line that a crash tore is dropped.
 */
export function keepMails(folder: string): void {
  const store = createRequire(import.meta.url)('aws-ses-v2-local/dist/store.js') as MailStore;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, 'mails.jsonl');
  const { saveEmail, clearStore } = store;
  const sizes = restore(file, saveEmail);
  let sizeBytes = sizes.reduce((sum, size) => sum + size, 0);

  store.saveEmail = (email) => {
    const line = Buffer.from(`${JSON.stringify(email)}\n`);
    append(file, line);
    saveEmail(email);
    sizes.push(line.length);
    sizeBytes += line.length;
    if (sizeBytes > LIMIT_BYTES) dropOldest();
  };
  store.clearStore = () => {
    truncateSync(file);
    clearStore();
    sizes.length = 0;
    sizeBytes = 0;
  };

  /** Down to half of the limit, so that the file is rewritten seldom; the newest mail always stays. */
  const dropOldest = (): void => {
    let count = 0;
    while (sizeBytes > LIMIT_BYTES / 2 && count < sizes.length - 1)
      sizeBytes -= sizes[count++] ?? 0;
    sizes.splice(0, count);
    const { emails } = store.getStoreReadonly();
    emails.splice(0, count);
    const draft = `${file}.draft`;
    append(draft, Buffer.from(emails.map((email) => `${JSON.stringify(email)}\n`).join('')), 'w');
    renameSync(draft, file);
  };
}

function append(file: string, bytes: Buffer, flags: 'a' | 'w' = 'a'): void {
  const handle = openSync(file, flags, 0o600);
  const before = fstatSync(handle).size;
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at);
    fsyncSync(handle);
  } catch (error) {
    // A full disk must not leave half a line for the next mail to be written behind.
    ftruncateSync(handle, before);
    throw error;
  } finally {
    closeSync(handle);
  }
}

/** Hands every whole line of the file on as a mail, cuts a torn one off, and returns the lines' sizes. */
function restore(file: string, saveEmail: (email: Email) => void): number[] {
  if (!existsSync(file)) return [];
  const bytes = readFileSync(file);
  const sizes: number[] = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
    const email = parse(bytes.toString('utf8', start, end));
    if (email) {
      saveEmail(email);
      sizes.push(end + 1 - start);
    }
    start = end + 1;
  }
  if (start < bytes.length) truncateSync(file, start);
  return sizes;
}

/** The mail of one line, or undefined for a damaged one: an old mail is no reason not to start. */
function parse(line: string): Email | undefined {
  try {
    return JSON.parse(line) as Email;
  } catch {
    return undefined;
  }
}
