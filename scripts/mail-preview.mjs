/**
 * `npm run mail:preview [-- folder] [--png]`: writes every mail with sample data as HTML and text, and
 * with --png as a picture, rendered by Chromium (CHROMIUM names another than the one on the PATH).
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from './build.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const wantsPictures = process.argv.includes('--png');
const folder = path.resolve(
  process.argv.slice(2).find((word) => !word.startsWith('--')) ?? '.preview/mails',
);

if (build() !== 0) process.exit(1);
const load = (file) => import(pathToFileURL(path.join(root, 'dist', 'mail', file)).href);
const { renderLetter } = await load('templates/index.js');
const { ACCOUNT_WORDS } = await load('letters/account-words.js');
const { inlinePicture } = await load('letters/inline-picture.js');

const LINK = 'https://house.example/verify-email?token=6f0d2c1e-8a34-4c2b-9f57-0123456789ab.sample';
const FILE = 'https://house.example/v1/links/6f0d2c1e-8a34-4c2b-9f57-0123456789ab?signature=sample';
const EXPIRES = '30 November 2026, 21:04 UTC';
const FACTS = [
  { label: 'Prompt', value: 'on a white marble kitchen table, soft morning light' },
  { label: 'Seed', value: '4242' },
  { label: 'Charged', value: '5 credits' },
  { label: 'Left', value: '95 credits' },
];

const cup = await inlinePicture(
  await readFile(path.join(root, 'samples', 'product-coffee-cup.png')),
  'sample@result',
  'image',
);

const accountLetters = Object.entries(ACCOUNT_WORDS).map(([kind, words]) => ({
  name: kind,
  letter: {
    template: 'account',
    subject: words.subject,
    pictures: [],
    props: { kind, name: 'Ada', link: words.button ? { url: LINK, expires: EXPIRES } : null },
  },
}));

const result = (subject, props) => ({
  template: 'result',
  subject,
  pictures: [],
  props: {
    name: 'Ada',
    title: 'Product background',
    sender: null,
    message: null,
    pictures: [],
    texts: [],
    links: [],
    linksExpire: null,
    facts: FACTS,
    ...props,
  },
});

const letters = [
  ...accountLetters,
  {
    name: 'job-succeeded',
    letter: result('Your result is ready: Product background', {
      pictures: [{ cid: cup.cid, alt: 'Image' }],
      links: [{ label: 'Download Image (2.1 MB)', url: FILE }],
      linksExpire: EXPIRES,
    }),
  },
  {
    name: 'job-succeeded-description',
    letter: result('Your result is ready: Description', {
      title: 'Description',
      texts: [{ name: 'description', text: 'A white cup of coffee on a saucer, seen from above.' }],
    }),
  },
  {
    name: 'job-succeeded-model',
    letter: result('Your result is ready: 3D model', {
      title: '3D model',
      pictures: [{ cid: cup.cid, alt: 'Preview' }],
      links: [
        { label: 'Download Model (8.4 MB)', url: FILE },
        { label: 'Download Preview (310 kB)', url: `${FILE}2` },
      ],
      linksExpire: EXPIRES,
      facts: FACTS.slice(2),
    }),
  },
  {
    name: 'job-shared',
    letter: result('Ada sent you a result', {
      name: 'Grace',
      sender: 'Ada',
      message: 'Look at this!\nShall we take it for the shop?',
      pictures: [{ cid: cup.cid, alt: 'Image' }],
      links: [{ label: 'Download Image (2.1 MB)', url: FILE }],
      linksExpire: EXPIRES,
      facts: [],
    }),
  },
  {
    name: 'job-failed',
    letter: {
      template: 'failure',
      subject: 'Product background did not succeed',
      pictures: [],
      props: {
        name: 'Ada',
        title: 'Product background',
        message: 'No product was found in the picture.',
        hint: 'Use a picture that shows one product clearly.',
        facts: [FACTS[0], { label: 'Charged', value: '0 credits' }],
      },
    },
  },
];

const picture = `data:${cup.mimeType};base64,${cup.bytes.toString('base64')}`;
await mkdir(folder, { recursive: true });
const pages = [];
for (const { name, letter } of letters) {
  const { html, text } = await renderLetter(letter);
  const page = html.replaceAll(`cid:${cup.cid}`, picture);
  pages.push({ name, page });
  if (wantsPictures) continue;
  await writeFile(path.join(folder, `${name}.html`), page);
  await writeFile(path.join(folder, `${name}.txt`), `Subject: ${letter.subject}\n\n${text}\n`);
}

if (wantsPictures) {
  const { chromium } = await import('playwright-core');
  const { default: sharp } = await import('sharp');
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  });
  const shoot = async (name, page, width) => {
    const tab = await browser.newPage({ viewport: { width, height: 400 } });
    await tab.setContent(page, { waitUntil: 'load' });
    const shot = await tab.screenshot({ fullPage: true });
    await tab.close();
    await sharp(shot)
      .png({ palette: true, effort: 10 })
      .toFile(path.join(folder, `${name}.png`));
  };
  for (const { name, page } of pages) await shoot(name, page, 700);
  // One as a telephone shows it.
  const shown = pages.find(({ name }) => name === 'job-succeeded');
  await shoot(`${shown.name}-narrow`, shown.page, 390);
  await browser.close();
}
console.log(`${pages.length} mails in ${folder}`);
