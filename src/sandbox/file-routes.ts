/** `/upload/image`, `/upload/mask` and `/view` (protocol §2.6, recording i). */
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import busboy from 'busboy';
import { folderType, isInside, type Folders } from './folders.js';
import type { Call, Reply, Route } from './http-server.js';
import { loadSharp } from './pictures/codec.js';
import { isRecord, PythonError } from './python.js';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
  '.mp4': 'video/mp4',
  '.json': 'application/json',
  '.txt': 'text/plain',
};
/** Content that a browser would run is only handed out as a download. */
const ACTIVE = new Set(['.html', '.htm', '.js', '.css', '.svg', '.xml', '.xhtml', '.mjs']);

interface Form {
  readonly fields: ReadonlyMap<string, string>;
  readonly file: { readonly name: string; readonly bytes: Buffer } | undefined;
}

const readForm = (call: Call): Promise<Form> =>
  new Promise((resolve, reject) => {
    const fields = new Map<string, string>();
    let file: Form['file'];
    const parser = busboy({ headers: call.headers, preservePath: true, defParamCharset: 'utf8' });
    parser.on('field', (name, value) => fields.set(name, value));
    parser.on('file', (field, stream, { filename }) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (field === 'image') file = { name: filename ?? '', bytes: Buffer.concat(chunks) };
      });
    });
    parser.on('error', reject);
    parser.on('close', () => resolve({ fields, file }));
    for (const chunk of call.chunks) parser.write(chunk);
    parser.end();
  });

interface Target {
  readonly form: Form;
  readonly root: string;
  readonly directory: string;
  readonly answer: (name: string) => Reply;
}

const openUpload = async (folders: Folders, call: Call): Promise<Target | undefined> => {
  if (!call.headers['content-type']?.startsWith('multipart/')) return undefined;
  const form = await readForm(call);
  if (!form.file) {
    if (form.fields.has('image')) throw new PythonError('AttributeError', "no attribute 'file'");
    return undefined;
  }
  const type = folderType(form.fields.get('type') ?? 'input');
  if (!type) throw new PythonError('TypeError', 'no such folder type');
  const subfolder = form.fields.get('subfolder') ?? '';
  const root = folders.of(type);
  const directory = path.resolve(root, subfolder);
  if (form.file.name === '' || !isInside(root, directory)) return undefined;
  const answer = (name: string): Reply => ({ json: { name, subfolder, type } });
  return { form, root, directory, answer };
};

/** Stores bytes under `name`, or under `name (1)`… when that holds other bytes. */
const store = async (
  { directory }: Target,
  name: string,
  bytes: Buffer,
  overwrite: boolean,
): Promise<string> => {
  await mkdir(directory, { recursive: true });
  const { name: stem, ext, dir } = path.parse(name);
  for (let copy = 0; ; copy += 1) {
    const candidate = copy === 0 ? name : path.join(dir, `${stem} (${copy})${ext}`);
    const target = path.join(directory, candidate);
    const present = existsSync(target) ? await readFile(target) : undefined;
    if (!overwrite && present?.equals(bytes)) return candidate;
    if (overwrite || !present) {
      await writeFile(target, bytes);
      return candidate;
    }
  }
};

const uploadImage = (folders: Folders) => async (call: Call) => {
  const target = await openUpload(folders, call);
  const file = target?.form.file;
  if (!target || !file) return { status: 400 };
  if (path.isAbsolute(file.name)) throw new PythonError('PermissionError', 'not below the folder');
  if (!isInside(target.root, path.resolve(target.directory, file.name))) return { status: 400 };
  const overwrite = ['true', '1'].includes(target.form.fields.get('overwrite') ?? '');
  return target.answer(await store(target, file.name, file.bytes, overwrite));
};

/** Writes the original with the alpha of the uploaded file; a missing original writes nothing. */
const uploadMask = (folders: Folders) => async (call: Call) => {
  const target = await openUpload(folders, call);
  const file = target?.form.file;
  if (!target || !file) return { status: 400 };
  const reference: unknown = JSON.parse(target.form.fields.get('original_ref') ?? '');
  if (!isRecord(reference)) throw new PythonError('TypeError', 'original_ref is not a dict');
  const { filename, subfolder = '', type = 'output' } = reference;
  const folder = folderType(String(type));
  if (!folder || typeof filename !== 'string') return { status: 400 };
  const original = path.resolve(folders.of(folder), String(subfolder), filename);
  if (!isInside(folders.of(folder), original)) return { status: 403 };
  if (!existsSync(original)) return target.answer(file.name);
  const sharp = await loadSharp();
  const alpha = await sharp(file.bytes).ensureAlpha().extractChannel(3).toBuffer();
  const rgb = await sharp(original).removeAlpha().toBuffer();
  const merged = await sharp(rgb).joinChannel(alpha).png({ compressionLevel: 4 }).toBuffer();
  return target.answer(await store(target, file.name, merged, false));
};

const view =
  (folders: Folders) =>
  async ({ query, headers }: Call): Promise<Reply> => {
    const asked = query.get('filename');
    if (asked === null) return { status: 404 };
    const { name, type: suffix } = folders.parseAnnotated(asked);
    if (name === '' || name.startsWith('/') || name.includes('..')) return { status: 400 };
    const type = suffix ?? folderType(query.get('type') ?? 'output');
    if (!type) return { status: 400 };
    const root = folders.of(type);
    const directory = path.resolve(root, query.get('subfolder') ?? '');
    if (!isInside(root, directory)) return { status: 403 };
    const filename = path.basename(name);
    const file = path.join(directory, filename);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) return { status: 404 };
    const disposition = { 'content-disposition': `filename="${encodeURIComponent(filename)}"` };
    const preview = query.get('preview');
    const channel = query.get('channel');
    if (preview !== null || channel === 'rgb' || channel === 'a') {
      const { body, contentType } = await convert(file, preview, channel);
      return { body, headers: { 'content-type': contentType, ...disposition } };
    }
    const since = Date.parse(headers['if-modified-since'] ?? '');
    const modified = { 'last-modified': found.mtime.toUTCString() };
    if (since >= Math.floor(found.mtimeMs / 1000) * 1000) return { status: 304, headers: modified };
    const extension = path.extname(filename).toLowerCase();
    const shared = { 'x-content-type-options': 'nosniff', ...modified, 'accept-ranges': 'bytes' };
    if (ACTIVE.has(extension)) {
      const attachment = `attachment; filename="${filename}"`;
      const type = { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' };
      const body = await readFile(file);
      return { body, headers: { ...shared, ...type, 'content-disposition': attachment } };
    }
    const contentType = CONTENT_TYPES[extension] ?? 'application/octet-stream';
    const plain = { ...shared, 'content-type': contentType, ...disposition };
    return cutRange(await readFile(file), headers.range, plain);
  };

const convert = async (file: string, preview: string | null, channel: string | null) => {
  const picture = (await loadSharp())(file);
  if (preview !== null) {
    const [format, quality] = preview.split(';');
    const options = { quality: Number(quality ?? 90) || 90 };
    const isJpeg = format === 'jpeg';
    const encoded = isJpeg ? picture.flatten().jpeg(options) : picture.webp(options);
    return { body: await encoded.toBuffer(), contentType: isJpeg ? 'image/jpeg' : 'image/webp' };
  }
  if (channel === 'rgb') {
    return { body: await picture.removeAlpha().png().toBuffer(), contentType: 'image/png' };
  }
  const { width, height } = await picture.metadata();
  const alpha = await picture.ensureAlpha().extractChannel(3).raw().toBuffer();
  const rgba = Buffer.alloc(width * height * 4);
  alpha.forEach((value, at) => (rgba[at * 4 + 3] = value));
  const encoded = (await loadSharp())(rgba, { raw: { width, height, channels: 4 } }).png();
  return { body: await encoded.toBuffer(), contentType: 'image/png' };
};

const cutRange = (
  bytes: Buffer,
  range: string | undefined,
  headers: Record<string, string>,
): Reply => {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range ?? '');
  if (!match || match[0] === 'bytes=-') return { body: bytes, headers };
  const [, first = '', last = ''] = match;
  const start = first === '' ? Math.max(0, bytes.length - Number(last)) : Number(first);
  const end =
    first === '' || last === '' ? bytes.length - 1 : Math.min(Number(last), bytes.length - 1);
  if (start > end) return { status: 416, headers: { 'content-range': `bytes */${bytes.length}` } };
  const shown = { 'content-range': `bytes ${start}-${end}/${bytes.length}` };
  return { status: 206, body: bytes.subarray(start, end + 1), headers: { ...headers, ...shown } };
};

export const createFileRoutes = (folders: Folders): Route[] => [
  { method: 'POST', path: /^\/upload\/image$/, answer: uploadImage(folders) },
  { method: 'POST', path: /^\/upload\/mask$/, answer: uploadMask(folders) },
  { method: 'GET', path: /^\/view$/, answer: view(folders) },
];
