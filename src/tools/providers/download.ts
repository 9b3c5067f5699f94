import { ProviderError, type ResultForm, type TaskResult } from './provider.js';

export interface DownloadRules {
  /** Host names, or suffixes that begin with a dot; only https there. */
  readonly hosts: readonly string[];
  /** The provider's own address, which a stand-in may have on plain http. */
  readonly ownOrigin: string;
  /** Sent there and nowhere else, where results are as private as the rest. */
  readonly ownHeaders?: Readonly<Record<string, string>>;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

const MAX_REDIRECTS = 3;
/** Pictures are held in memory while they are made upright; models go to storage as they come. */
const MAX_PICTURE_BYTES = 50_000_000;
const GONE = new Set([401, 403, 404, 410]);

const startsWith = (bytes: Buffer, ...marks: readonly (string | number[])[]): boolean =>
  marks.some((mark) => {
    const expected = typeof mark === 'string' ? Buffer.from(mark, 'latin1') : Buffer.from(mark);
    return bytes.subarray(0, expected.length).equals(expected);
  });

/** First bytes of what each form may be. A quad mesh comes as FBX, several files as ZIP. */
const IS_FORM: Readonly<Record<ResultForm, (head: Buffer) => boolean>> = {
  model: (head) => startsWith(head, 'glTF', 'Kaydara FBX Binary', 'PK\u0003\u0004'),
  picture: (head) =>
    startsWith(head, [0x89, 0x50, 0x4e, 0x47], [0xff, 0xd8, 0xff]) ||
    (startsWith(head, 'RIFF') && head.subarray(8, 12).toString('latin1') === 'WEBP'),
};
const HEAD_BYTES = 18;

/** Only addresses that we expect results at: a redirect cannot lead us into a private network. */
export const isAllowed = (address: string, rules: DownloadRules): boolean => {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  if (url.origin === rules.ownOrigin) return true;
  if (url.protocol !== 'https:' || url.username !== '' || url.port !== '') return false;
  return rules.hosts.some((host) =>
    host.startsWith('.') ? url.hostname.endsWith(host) : url.hostname === host,
  );
};

/**
 * The bytes of a result. Asked for without any key of ours, unless the provider's own address wants
 * it; each redirect is checked like the first address; the first bytes must be those of the expected form. Throws ProviderError `expired`,
 * `bad-result` or `unavailable`, perhaps after some bytes.
 */
export async function* download(
  result: TaskResult,
  rules: DownloadRules,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const maxBytes = Math.min(
    rules.maxBytes,
    result.form === 'picture' ? MAX_PICTURE_BYTES : Infinity,
  );
  const limited = AbortSignal.any([signal, AbortSignal.timeout(rules.timeoutMs)]);
  try {
    const response = await open(result.url, rules, limited);
    const announced = Number(response.headers.get('content-length') ?? 0);
    if (announced > maxBytes) throw tooLarge();
    let head = Buffer.alloc(0);
    let size = 0;
    let isChecked = false;
    for await (const chunk of response.body ?? []) {
      const bytes = chunk as Uint8Array;
      size += bytes.length;
      if (size > maxBytes) throw tooLarge();
      if (isChecked) {
        yield bytes;
        continue;
      }
      head = Buffer.concat([head, bytes]);
      if (head.length < HEAD_BYTES) continue;
      check(head, result.form);
      isChecked = true;
      yield head;
    }
    if (!isChecked) throw wrongForm();
    if (announced > 0 && size < announced) throw cutOff();
    if (result.form === 'model') checkLength(head, size);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ProviderError) throw error;
    throw new ProviderError('unavailable', 'The result could not be fetched.', { cause: error });
  }
}

const open = async (first: string, rules: DownloadRules, signal: AbortSignal) => {
  let address = first;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    if (!isAllowed(address, rules)) {
      const host = URL.canParse(address) ? new URL(address).host : 'no address';
      throw new ProviderError('bad-result', `The result is at ${host}, which is not allowed.`);
    }
    const headers = new URL(address).origin === rules.ownOrigin ? rules.ownHeaders : undefined;
    const response = await fetch(address, {
      redirect: 'manual',
      signal,
      ...(headers && { headers }),
    });
    if (response.ok) return response;
    await response.body?.cancel();
    const location = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && location !== null) {
      address = new URL(location, address).href;
      continue;
    }
    const kind = GONE.has(response.status) ? 'expired' : 'unavailable';
    throw new ProviderError(kind, `The result's address answers ${response.status}.`);
  }
  throw new ProviderError('bad-result', 'The result is behind too many redirects.');
};

const tooLarge = () => new ProviderError('bad-result', 'The result is larger than it may be.');
const wrongForm = () => new ProviderError('bad-result', 'The result is of another form.');
const cutOff = () => new ProviderError('unavailable', 'The result came only in part.');

const check = (head: Buffer, form: ResultForm): void => {
  if (!IS_FORM[form](head)) throw wrongForm();
};

/** A GLB says its own length, which tells a cut one even without Content-Length. */
const checkLength = (head: Buffer, size: number): void => {
  if (startsWith(head, 'glTF') && head.readUInt32LE(8) !== size) throw cutOff();
};
