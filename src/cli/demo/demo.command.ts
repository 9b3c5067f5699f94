import { parseArgs } from 'node:util';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from '../../config/index.js';
import { CommandFailed, type Command } from '../command.js';
import { HouseClient, type DemoJob, type StoredPicture } from './house-client.js';
import { followJob } from './job-stream.js';
import { Mailbox, tokenIn } from './mailbox.js';
import { ProgressBar } from './progress-bar.js';
import { findServer } from './servers.js';

const SAMPLE = fileURLToPath(new URL('../../../samples/product-coffee-cup.png', import.meta.url));
const PROMPT = 'on a white marble table in soft morning light, green plants behind';
const WORKFLOW = 'product-backgrounds';
const MAIL_PATIENCE_SECONDS = 60;

const say = (title: string, words: string): void => console.log(`  ${title.padEnd(12)} ${words}`);

/** As people write it: relative when it is below the folder they are in. */
const shown = (file: string): string => {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
};

const readPicture = (file: string): Promise<Buffer> =>
  readFile(file).catch((error: unknown) => {
    throw new CommandFailed(
      `The picture ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    );
  });

/** One person's way through the product; each step fails with the reason. */
class Demo {
  private readonly email = `demo-${randomBytes(4).toString('hex')}@example.com`;
  private readonly password = randomBytes(18).toString('base64url');
  private verificationMailId = '';

  constructor(
    private readonly house: HouseClient,
    private readonly mailbox: Mailbox,
    private readonly signal: AbortSignal,
  ) {}

  async signUp(): Promise<void> {
    const { email, password } = this;
    await this.house.post('/v1/auth/register', { email, password, name: 'Demo' });
    say('Signed up', email);
    const mail = await this.mailbox.waitFor(
      email,
      'The verification mail',
      (candidate) => tokenIn(candidate) !== undefined,
      MAIL_PATIENCE_SECONDS,
    );
    this.verificationMailId = mail.messageId;
    say('Mail read', `"${mail.subject}"`);
    await this.house.post('/v1/auth/verify', { token: tokenIn(mail) });
    const { accessToken } = await this.house.post<{ accessToken: string }>('/v1/auth/login', {
      email,
      password,
    });
    this.house.useToken(accessToken);
    say('Logged in', `${await this.creditsLeft()} credits to spend`);
  }

  async upload(file: string): Promise<StoredPicture> {
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(await readPicture(file))]), path.basename(file));
    const saved = await this.house.post<StoredPicture>('/v1/files', form);
    say('Uploaded', `${shown(file)} (${saved.width} × ${saved.height})`);
    return saved;
  }

  /** Orders and watches; returns the finished job and what was quoted for it. */
  async makeBackground(
    image: StoredPicture,
    prompt: string,
  ): Promise<{ job: DemoJob; quoted: number }> {
    const parameters = { prompt };
    const { credits: quoted } = await this.house.post<{ credits: number }>('/v1/credits/quotes', {
      workflow: WORKFLOW,
      parameters,
    });
    const { id } = await this.house.post<DemoJob>(`/v1/comfy/${WORKFLOW}`, {
      ...parameters,
      imageId: image.id,
    });
    say('Ordered', `"${prompt}" for ${quoted} credits, job ${id}`);
    const bar = new ProgressBar(process.stdout);
    try {
      for await (const state of followJob(this.house, id, this.signal)) bar.show(state);
    } finally {
      bar.end();
    }
    const job = await this.house.get<DemoJob>(`/v1/jobs/${id}`);
    if (job.status === 'succeeded') return { job, quoted };
    const reason = job.error ? `${job.error.code}: ${job.error.message}` : job.status;
    throw new CommandFailed(`The job did not succeed: ${reason}`);
  }

  async save(job: DemoJob, original: string): Promise<void> {
    const file = job.outputs.find((output) => output.file)?.file;
    if (!file) throw new CommandFailed('The job succeeded but has no picture.');
    const bytes = await this.house.bytes(`/v1/files/${file.id}/content`);
    if (createHash('sha256').update(bytes).digest('hex') !== file.sha256) {
      throw new CommandFailed('The picture that arrived is not the one that the job made.');
    }
    const { dir, name } = path.parse(original);
    const target = path.join(dir, `${name}-background.png`);
    await writeFile(target, bytes).catch((error: unknown) => {
      throw new CommandFailed(`The result cannot be saved: ${String(error)}.`);
    });
    say('Saved', `${shown(target)} (${file.width} × ${file.height})`);
  }

  async account(job: DemoJob, quoted: number): Promise<void> {
    const { captured } = job.credits;
    say('Credits', `${quoted} quoted, ${captured} captured, ${await this.creditsLeft()} left`);
    if (captured !== quoted) {
      throw new CommandFailed(`The job cost ${captured} credits although ${quoted} were quoted.`);
    }
  }

  async awaitResultMail(): Promise<void> {
    const mail = await this.mailbox.waitFor(
      this.email,
      'The mail with the result',
      ({ messageId }) => messageId !== this.verificationMailId,
      MAIL_PATIENCE_SECONDS,
    );
    say('Mail sent', `"${mail.subject}" to ${mail.destination.to.join(', ')}`);
  }

  private async creditsLeft(): Promise<number> {
    return (await this.house.get<{ available: number }>('/v1/credits')).available;
  }
}

export const demo: Command = {
  summary:
    'Signs a new person up, orders a product background of the picture (default: the coffee cup in\n' +
    'samples/), saves the result beside it and waits for the mail. Uses the server that runs here\n' +
    '(DATA_DIR, PORT) or at API_URL, or starts one for itself.',
  usage: '[<picture> ["<prompt>"]]',

  async run(args, signal) {
    const { positionals } = parseArgs({ args, allowPositionals: true });
    const [picture = SAMPLE, prompt = PROMPT] = positionals;
    const original = path.resolve(picture);
    await readPicture(original);
    const server = await findServer(processEnvironment(), signal);
    try {
      console.log(`House of Models at ${server.apiUrl} (${server.origin})`);
      const house = new HouseClient(server.apiUrl, signal);
      const story = new Demo(house, new Mailbox(server.mailboxUrl, signal), signal);
      await story.signUp();
      const { job, quoted } = await story.makeBackground(await story.upload(original), prompt);
      await story.save(job, original);
      await story.account(job, quoted);
      await story.awaitResultMail();
      return 0;
    } finally {
      await server.stop();
    }
  },
};
