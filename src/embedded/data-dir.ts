import { randomBytes, randomInt } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { EmbeddedError } from './errors.js';

/** Replaces a file of mode 0600 as one step: a reader, or the next start after a crash, sees the old or the new whole. */
async function replaceFile(file: string, content: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** The JSON object in `file`, or undefined when there is none. Throws EmbeddedError when it is something else. */
async function readObject(file: string): Promise<Record<string, unknown> | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Falls through: not JSON and not an object are the same fault.
  }
  throw new EmbeddedError(`The file ${file} is damaged: it holds no JSON object.`);
}

export interface EmbeddedSecrets {
  jwtKey: string;
  linkKey: string;
  adminPassword: string;
  demoPassword: string;
}

/** Letters and digits that nobody confuses when reading them aloud: about 79 bits in 16. */
const READABLE = 'abcdefghjkmnpqrstuvwxyz23456789';
const madeUpPassword = (): string =>
  Array.from({ length: 16 }, () => READABLE[randomInt(READABLE.length)]).join('');
const madeUpKey = (): string => randomBytes(48).toString('base64url');

/**
 * The secrets of this data directory: made up at the first call, the same ever after. Kept in
 * `secrets.json` (mode 0600). The caller holds the lock.
 */
export async function embeddedSecrets(dataDir: string): Promise<EmbeddedSecrets> {
  const file = path.join(dataDir, 'secrets.json');
  const kept = (await readObject(file)) ?? {};
  const keptOr = (name: keyof EmbeddedSecrets, makeUp: () => string): string => {
    const value = kept[name];
    return typeof value === 'string' && value !== '' ? value : makeUp();
  };
  const secrets: EmbeddedSecrets = {
    jwtKey: keptOr('jwtKey', madeUpKey),
    linkKey: keptOr('linkKey', madeUpKey),
    adminPassword: keptOr('adminPassword', madeUpPassword),
    demoPassword: keptOr('demoPassword', madeUpPassword),
  };
  const isComplete = Object.entries(secrets).every(([name, value]) => kept[name] === value);
  if (!isComplete) await replaceFile(file, JSON.stringify({ ...kept, ...secrets }, null, 2));
  return secrets;
}

/** Writes `runtime.json`: addresses, pids and ports of the running copy, for tools such as the demo. */
export async function writeRuntime(
  dataDir: string,
  runtime: Record<string, unknown>,
): Promise<void> {
  await replaceFile(path.join(dataDir, 'runtime.json'), JSON.stringify(runtime, null, 2));
}

/** What the last copy wrote with writeRuntime, or undefined; that copy may have ended since. */
export async function readRuntime(dataDir: string): Promise<Record<string, unknown> | undefined> {
  return readObject(path.join(dataDir, 'runtime.json'));
}

/** The port each service had last: queue URLs and instance rows stay true over a restart. */
export type RememberedPorts = Partial<Record<'sqs' | 'comfyui', number>>;

export async function rememberedPorts(dataDir: string): Promise<RememberedPorts> {
  const kept = (await readObject(path.join(dataDir, 'ports.json'))) ?? {};
  const port = (value: unknown): number | undefined =>
    typeof value === 'number' ? value : undefined;
  const [sqs, comfyui] = [port(kept['sqs']), port(kept['comfyui'])];
  return { ...(sqs && { sqs }), ...(comfyui && { comfyui }) };
}

export async function rememberPorts(dataDir: string, ports: RememberedPorts): Promise<void> {
  const kept = await rememberedPorts(dataDir);
  const next = { ...kept, ...ports };
  if (next.sqs === kept.sqs && next.comfyui === kept.comfyui) return;
  await replaceFile(path.join(dataDir, 'ports.json'), JSON.stringify(next));
}
