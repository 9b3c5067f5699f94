import { describe, expect, it } from 'vitest';
import { contentDisposition, safeName } from './file-name.js';

describe('safeName', () => {
  it.each([
    ['Meine Tasse.HEIC', 'Meine Tasse.jpg'],
    ['../../etc/passwd', 'passwd.jpg'],
    ['C:\\temp\\cup.png', 'cup.jpg'],
    ['.htaccess', 'file.jpg'],
    ['a\r\nSet-Cookie: x=1.png', 'a Set-Cookie x=1.jpg'],
    ['photo\u202Egnp.exe', 'photo gnp.jpg'],
    ['', 'file.jpg'],
    ['...', 'file.jpg'],
    ['x'.repeat(500), `${'x'.repeat(80)}.jpg`],
    ['кружка.png', 'кружка.jpg'],
  ])('%j becomes %j', (given, name) => {
    expect(safeName(given, 'image/jpeg')).toBe(name);
  });
});

describe('contentDisposition', () => {
  it('shows pictures inline under a plain and a full name', () => {
    expect(contentDisposition('кружка (1).png', 'image/png')).toBe(
      `inline; filename="______ (1).png"; filename*=UTF-8''%D0%BA%D1%80%D1%83%D0%B6%D0%BA%D0%B0%20%281%29.png`,
    );
  });

  it('only offers other types for download', () => {
    expect(contentDisposition('a.bin', 'text/html')).toMatch(/^attachment;/);
  });
});
