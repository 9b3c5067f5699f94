import { parseArgs } from 'node:util';
import { withApplication } from '../application.js';
import type { Command } from '../command.js';
import { findInstallation, type Installation } from '../environment.js';
import { examineDatabase } from './database.js';
import { bad, look, odd, ok, type Finding } from './finding.js';
import { examineSes, examineSqs } from './mail-services.js';
import { examineComfyDisks } from './comfy-disks.js';
import { examineOwnWorkflows } from './own-workflows.js';
import { examineProduct } from './product.js';

const MARKS = { ok: 'ok  ', odd: 'look', bad: 'BAD ' } as const;
const TIMEOUT_MS = 5_000;

const examineServer = async (apiUrl: string | undefined): Promise<Finding> => {
  if (!apiUrl) return odd('Server', 'set API_URL to have the running server looked at too');
  const response = await fetch(`${apiUrl}/health/ready`, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.ok) return ok('Server', `${apiUrl} is ready`);
  const { checks = {} } = (await response.json()) as {
    checks?: Record<string, { ok: boolean; detail?: string }>;
  };
  const failed = Object.entries(checks).filter(([, check]) => !check.ok);
  const words = failed.map(([name, check]) => `${name} (${check.detail ?? 'not ok'})`).join(', ');
  return bad('Server', `${apiUrl} is not ready: ${words}`);
};

/** All findings, in the order in which a person would look. */
const examine = async ({ config, apiUrl }: Installation): Promise<readonly Finding[]> => {
  const database = await examineDatabase(config);
  const mailServices = [
    ...(await look('SQS', () => examineSqs(config))),
    ...(await look('SES', () => examineSes(config))),
  ];
  const server = await look('Server', () => examineServer(apiUrl));
  const own = await look('Own workflows', () => Promise.resolve(examineOwnWorkflows(config)));
  const disks = await look('ComfyUI disk', () => examineComfyDisks(config));
  const isUsable = database.every(({ verdict }) => verdict === 'ok');
  const product = isUsable
    ? await look('Product', () => withApplication(config, examineProduct))
    : [odd('Product', 'not looked at: mend the database first')];
  return [...server, ...database, ...mailServices, ...own, ...disks, ...product];
};

export const doctor: Command = {
  summary:
    'Looks at the database, the queue, the storage, the mail services, each ComfyUI and the books of\n' +
    'the copy that runs here, or of the installation that the environment names. Changes nothing.\n' +
    'Exit 1 if something is BAD.',
  usage: '[--json]',

  async run(args) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    const findings = await examine(await findInstallation());
    const width = Math.max(...findings.map(({ subject }) => subject.length));
    for (const finding of findings) {
      const { verdict, subject, detail } = finding;
      if (values.json) console.log(JSON.stringify(finding));
      else console.log(`${MARKS[verdict]}  ${subject.padEnd(width)}  ${detail}`);
    }
    return findings.some(({ verdict }) => verdict === 'bad') ? 1 : 0;
  },
};
