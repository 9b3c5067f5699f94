import type { INestApplication } from '@nestjs/common';
import { getQueueToken } from '@nestjs/bullmq';
import type { Queue } from 'bullmq';
import { ComfyModule } from '../../comfy/index.js';
import { Config } from '../../config/index.js';
import { CreditsAudit } from '../../credits/index.js';
import { Instances } from '../../jobs/index.js';
import { Database, HealthChecks } from '../../platform/index.js';
import { StorageAudit } from '../../storage/index.js';
import { bad, look, odd, ok, type Finding } from './finding.js';
import { examineInstances } from './instances.js';
import { examineStuck } from './stuck.js';

const EXAMPLES = 3;

const examineQueue = async (app: INestApplication): Promise<Finding> => {
  const config = app.get(Config);
  const names = ComfyModule.queueNames(config);
  const queues = names.map((name) => app.get<Queue>(getQueueToken(name), { strict: false }));
  const counts = await Promise.all(queues.map((queue) => queue.getJobCounts('active', 'waiting')));
  const sum = (state: string): number =>
    counts.reduce((all, count) => all + (count[state] ?? 0), 0);
  const where = config.queue.redisUrl ? 'Redis' : 'PostgreSQL';
  return ok('Queue', `BullMQ on ${where}: ${sum('active')} active, ${sum('waiting')} waiting`);
};

/** The modules' own health checks; for storage that is: the store can be written. */
const examineHealth = async (app: INestApplication): Promise<readonly Finding[]> => {
  const { checks } = await app.get(HealthChecks).run();
  return Object.entries(checks)
    .filter(([name]) => name !== 'database')
    .map(([name, health]) => {
      const subject = name.charAt(0).toUpperCase() + name.slice(1);
      const detail = health.detail ?? (name === 'storage' ? app.get(Config).storage.url : 'fine');
      return health.ok ? ok(subject, detail) : bad(subject, detail);
    });
};

const examineCredits = async (app: INestApplication): Promise<readonly Finding[]> => {
  const drift = await app.get(CreditsAudit).findDrift();
  if (drift.length === 0) return [ok('Credits', 'every balance is the sum of its entries')];
  return drift.map(({ kind, subject, detail }) =>
    bad('Credits', `${kind} of ${subject}: ${detail}`),
  );
};

const examineFiles = async (app: INestApplication): Promise<readonly Finding[]> => {
  const audit = await app.get(StorageAudit).findOrphans();
  const { objectsWithoutRow, rowsWithoutObject, usageDrift, rows, objects } = audit;
  const some = (names: readonly string[]): string =>
    names.slice(0, EXAMPLES).join(', ') + (names.length > EXAMPLES ? ' …' : '');
  const findings = [
    rowsWithoutObject.length > 0 &&
      bad(
        'Files',
        `${rowsWithoutObject.length} have lost their bytes: ${some(rowsWithoutObject.map(({ id }) => id))}`,
      ),
    objectsWithoutRow.length > 0 &&
      odd(
        'Files',
        `${objectsWithoutRow.length} objects belong to no file: ${some(objectsWithoutRow.map(({ key }) => key))}`,
      ),
    usageDrift.length > 0 &&
      bad(
        'Files',
        `the counted usage of ${usageDrift.length} persons is wrong: ${some(usageDrift)}`,
      ),
  ].filter((finding) => finding !== false);
  return findings.length > 0
    ? findings
    : [ok('Files', `${rows} files, ${objects} objects, no orphan`)];
};

/** Everything that is asked through the product's own services. */
export const examineProduct = async (app: INestApplication): Promise<readonly Finding[]> => {
  const config = app.get(Config);
  return [
    ...(await look('Queue', () => examineQueue(app))),
    ...(await look('Health', () => examineHealth(app))),
    ...(await look('ComfyUI', async () =>
      examineInstances(config, await app.get(Instances).all()),
    )),
    ...(await look('Credits', () => examineCredits(app))),
    ...(await look('Files', () => examineFiles(app))),
    ...(await look('Rows', () => examineStuck(app.get(Database)))),
  ];
};
