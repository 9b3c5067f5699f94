import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Ledger } from '../../../src/credits/index.js';
import { eventually, type StoredMail } from '../../support/mailer.js';
import { startSesProxy, type SesProxy } from '../../support/ses-proxy.js';
import { FinishedJobs } from './finished-jobs.js';
import { startMailHouse, type MailHouse } from './mail-house.js';

const SEEDS = [
  'Ada\r\nBcc: thief@evil.example',
  'Ada\nCc: thief@evil.example\n\nA new body',
  'Ada\r\n\r\n<script>alert(1)</script>',
  '"Ada" <thief@evil.example>',
  'Ada>, <thief@evil.example',
  'thief@evil.example, Ada',
  'Ada\u2028Bcc: thief@evil.example',
  'Ada\u0085Bcc: thief@evil.example',
  '=?utf-8?Q?Ada=0D=0ABcc:_thief@evil.example?=',
  '<img src=x onerror=alert(1)>',
  '</td></table><h1>You won</h1>',
  '" onmouseover="alert(1)',
  "' style='position:fixed",
  '<!-- <style>*{display:none}</style> -->',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '{{constructor.constructor("alert(1)")()}}',
  '${process.env.JWT_KEY} #{1+1} <%= 1+1 %> {%raw%}',
  '\u202Egnp.exe\u202C \u2066abc\u2069 \u200Fxyz',
  'A\u0000d\u0007a\u001b[31m\u007f',
  '\ud800 lone \udfff',
  'javascript:alert(1) data:text/html,<b>x</b>',
  '-- \r\nContent-Type: text/html\r\n\r\n<b>x</b>',
  '.\r\n.\r\nMAIL FROM:<x@y>\r\n',
  '👩‍👩‍👧‍👦 Zoë Ångström 李雷 محمد',
  `${'A'.repeat(3_000)}\r\nBcc: thief@evil.example`,
];

/** 200 texts: each seed alone, and as a part of others. */
const HOSTILE = Array.from({ length: 200 }, (_, index) => {
  const [one = '', two = ''] = [
    SEEDS[index % SEEDS.length],
    SEEDS[(index * 7 + Math.floor(index / SEEDS.length)) % SEEDS.length],
  ];
  return index < SEEDS.length ? one : `${one}${index % 2 ? '\r\n' : ' '}${two}`;
});

const HEADERS = [
  'auto-submitted',
  'content-type',
  'date',
  'from',
  'message-id',
  'mime-version',
  'subject',
  'to',
  'x-auto-response-suppress',
  'x-email-id',
];

/** The header fields of a raw message, unfolded, by lower-case name. */
const headersOf = (mime: string): [string, string][] => {
  const end = mime.indexOf('\r\n\r\n');
  const unfolded = mime.slice(0, end).replace(/\r\n[ \t]+/g, ' ');
  return unfolded.split('\r\n').map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
};

/** The elements of a page in order; breaks come from line breaks in people's words. */
const elementsOf = (html: string): string[] =>
  [...html.matchAll(/<\/?([a-z0-9]+)[^>]*>/gi)].flatMap(([, name = '']) =>
    name === 'br' ? [] : name,
  );

let ses: SesProxy;
let house: MailHouse;
let jobs: FinishedJobs;

beforeAll(async () => {
  ses = await startSesProxy(inject('mailboxUrl'));
  house = await startMailHouse({ SES_ENDPOINT: ses.url, MAILS_PER_DAY: '1000' });
  jobs = new FinishedJobs(house.app);
});
afterAll(async () => {
  await house.close();
  await ses.close();
});

/** What PostgreSQL can hold; the rest never gets past the API's validation. */
const storable = (words: string): string => words.replaceAll('\0', '').toWellFormed();

/** A result with these words wherever a person's words can be, to its owner or to another. */
const order = async (raw: string, isForOwner: boolean): Promise<string> => {
  const words = storable(raw);
  const email = `${randomUUID()}@example.com`;
  const [user] = await house.database.query<{ id: string }>(
    `INSERT INTO users (email, name, role) VALUES ($1, $2, 'user') RETURNING id`,
    [email, words.slice(0, 100).toWellFormed()],
  );
  const owner = { id: user?.id ?? '', email };
  await house.app
    .get(Ledger, { strict: false })
    .grant({ userId: owner.id, amount: 10, reason: 'test' });
  const jobId = await jobs.finish(
    owner,
    { title: words, parameters: { prompt: words }, outputs: [{ name: 'text', content: words }] },
    { isAnnounced: false },
  );
  const recipient = isForOwner ? email : `${randomUUID()}@example.com`;
  await house.database.query(
    `INSERT INTO emails (event_id, kind, user_id, job_id, recipient, recipient_name, payload, messaged_at)
     VALUES (gen_random_uuid(), 'job-shared', $1, $2, $3, $4, $5, 'epoch')`,
    [
      owner.id,
      jobId,
      recipient,
      words,
      JSON.stringify({ message: words, ...(isForOwner && { toOwner: true }) }),
    ],
  );
  return recipient;
};

describe('200 hostile names, titles, prompts and messages', () => {
  it('add no header, no recipient and no element', async () => {
    const harmless = [await order('Ada', true), await order('Ada', false)];
    const hostile = await Promise.all(HOSTILE.map((words, index) => order(words, index % 2 === 0)));
    const all = [...harmless, ...hostile];
    await eventually(
      async () =>
        !(await house.database.one(`SELECT id FROM emails WHERE status = 'queued' LIMIT 1`)),
      50_000,
    );
    expect(ses.mimes).toHaveLength(all.length);
    for (const mime of ses.mimes) {
      const headers = headersOf(mime);
      expect(headers.map(([name]) => name).sort()).toEqual(HEADERS);
    }
    const response = await fetch(`${inject('mailboxUrl')}/store`);
    const { emails } = (await response.json()) as { emails: StoredMail[] };
    const mailTo = (address: string): StoredMail => {
      const mails = emails.filter(({ destination }) => destination.to.join().includes(address));
      expect(mails).toHaveLength(1);
      return mails[0]!;
    };
    const expected = harmless.map((address) => elementsOf(mailTo(address).body.html ?? ''));
    expect(Math.min(...expected.map((elements) => elements.length))).toBeGreaterThan(20);
    for (const [index, address] of hostile.entries()) {
      const { destination, body, subject } = mailTo(address);
      expect([destination.to.length, destination.cc.length, destination.bcc.length]).toEqual([
        1, 0, 0,
      ]);
      // The stand-in shows a name in quotes; what is not a name is the one address.
      expect(destination.to[0]?.replace(/"(?:[^"\\]|\\.)*"/g, '').match(/<[^>]*>$/)?.[0]).toBe(
        `<${address}>`,
      );
      expect(elementsOf(body.html ?? '')).toEqual(expected[index % 2]);
      expect(`${subject}${body.html}${body.text}`).not.toMatch(
        /[\u202a-\u202e\u2066-\u2069\u200f]/,
      );
      expect(subject.length).toBeLessThan(200);
    }
  });
});
