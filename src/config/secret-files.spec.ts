import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { withSecretFiles } from './secret-files.js';

const folder = mkdtempSync(path.join(tmpdir(), 'hom-secret-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string): string => {
  const target = path.join(folder, name);
  writeFileSync(target, content);
  return target;
};

describe('secrets in files', () => {
  it('are read without the line end, and leave other variables alone', () => {
    const JWT_KEY_FILE = file('jwt', 'a-key-of-more-than-thirty-two-bytes\n');
    const environment = withSecretFiles({ JWT_KEY_FILE, PORT: '1', HOST_FILE: '/nowhere' });
    expect(environment).toMatchObject({
      JWT_KEY: 'a-key-of-more-than-thirty-two-bytes',
      PORT: '1',
    });
    expect(environment).not.toHaveProperty('HOST');
  });

  it('are refused by name when doubled, missing or empty, without being told', () => {
    const JWT_KEY_FILE = file('double', 'the-secret');
    const both = () => withSecretFiles({ JWT_KEY: 'another', JWT_KEY_FILE });
    expect(both).toThrow(/^JWT_KEY and JWT_KEY_FILE are both set/);
    expect(both).not.toThrow(/the-secret|another/);
    const LINK_KEY_FILE = path.join(folder, 'nothing');
    expect(() => withSecretFiles({ LINK_KEY_FILE })).toThrow(/^LINK_KEY_FILE: .*ENOENT/);
    const DATABASE_URL_FILE = file('empty', ' \n');
    expect(() => withSecretFiles({ DATABASE_URL_FILE })).toThrow(/^DATABASE_URL_FILE: .*empty/);
  });
});
