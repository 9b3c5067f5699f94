const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/avif': 'avif',
  'image/gif': 'gif',
  'video/mp4': 'mp4',
  'video/webm': 'webm',
  'audio/flac': 'flac',
  'audio/mpeg': 'mp3',
  'model/gltf-binary': 'glb',
  'application/x-ft-fbx': 'fbx',
  'application/json': 'json',
  'application/zip': 'zip',
  'text/plain': 'txt',
};

const MAX_STEM = 80;

/** The extension that belongs to a type, without a dot; `bin` for one we do not know. */
export const extensionOf = (mimeType: string): string => EXTENSIONS[mimeType] ?? 'bin';

/**
 * A readable name that is safe in headers, in a folder and on a screen: no path, no control or
 * direction characters, not hidden, ≤ 80 characters and the extension of its real type.
 */
export const safeName = (given: string, mimeType: string): string => {
  // Browsers write these three characters of a multipart name in percent form.
  const written = given.replace(/%(22|0D|0A)/gi, ' ');
  const last = written.normalize('NFC').split(/[/\\]/).at(-1) ?? '';
  const stem = last
    .replace(/\.[A-Za-z0-9]{1,8}$/, '')
    .replace(/[\p{C}\p{Zl}\p{Zp}<>:"|?*;%]/gu, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^[.\s]+|[.\s]+$/g, '');
  const cut = Array.from(stem).slice(0, MAX_STEM).join('').trim();
  return `${cut || 'file'}.${extensionOf(mimeType)}`;
};

/** Shown in the page as it is; everything else is only offered for download. */
const INLINE = /^(image\/(png|jpeg|webp|gif|avif)|video\/|audio\/)/;

/** The Content-Disposition header for a file of this name and type (RFC 6266). */
export const contentDisposition = (name: string, mimeType: string): string => {
  const kind = INLINE.test(mimeType) ? 'inline' : 'attachment';
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
};
