import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../../scripts/mail-preview.mjs', import.meta.url));
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) console.log(`SKIPPED: pictures of mails, there is no ${CHROMIUM}.`);

describe('npm run mail:preview', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'hom-preview-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const preview = async (...words: string[]): Promise<string[]> => {
    await promisify(execFile)(process.execPath, [SCRIPT, folder, ...words]);
    return readdir(folder);
  };

  it('writes every mail as HTML and as text with a subject', async () => {
    const names = await preview();
    for (const name of ['verify-email', 'job-succeeded', 'job-shared', 'job-failed']) {
      expect(names).toContain(`${name}.html`);
      expect(await readFile(path.join(folder, `${name}.txt`), 'utf8')).toMatch(
        /^Subject: \S.+\n\n\S/,
      );
    }
    const html = await readFile(path.join(folder, 'job-succeeded.html'), 'utf8');
    expect(html).toContain('src="data:image/');
    expect(html).not.toContain('cid:');
  });

  it.skipIf(!hasChromium)(
    'shows each mail as Chromium renders it, never wider than the page',
    async () => {
      const pictures = (await preview('--png')).filter((name) => name.endsWith('.png'));
      const mails = (await readdir(folder)).filter((name) => name.endsWith('.html'));
      expect(pictures).toHaveLength(mails.length + 1);
      for (const name of pictures) {
        const { width } = await sharp(path.join(folder, name)).metadata();
        expect(width).toBe(name.endsWith('-narrow.png') ? 390 : 700);
        const { isOpaque, channels } = await sharp(path.join(folder, name)).stats();
        expect(isOpaque).toBe(true);
        expect(Math.max(...channels.map(({ stdev }) => stdev))).toBeGreaterThan(5);
      }
    },
  );
});
