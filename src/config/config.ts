import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidValue } from './variable.js';
import { VARIABLES, type Values, type VariableName } from './variables.js';

export type Role = 'api' | 'worker' | 'mailer';
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment cannot be used. The message names every wrong variable and prints no secret. */
export class ConfigError extends Error {}

const SIGNING_KEYS = ['JWT_KEY', 'LINK_KEY'] as const;
/** Words of examples and defaults: whoever reads the documentation knows such a key. */
const KNOWN =
  /change.?me|example|default|placeholder|your[-_ ]|not[-_ ]?secret|^test|^(.{1,4})\1+$/i;

/** Keys that anybody could guess, by name. */
const refusedSecrets = (environment: Environment): string[] => {
  const keys = SIGNING_KEYS.map((name) => ({ name, value: environment[name]?.trim() ?? '' }));
  const known = keys.filter(({ value }) => KNOWN.test(value));
  const isOneKey = keys[0]?.value !== '' && keys[0]?.value === keys[1]?.value;
  return [
    ...known.map(
      ({ name }) => `${name}: an example or default is refused in production; make one.`,
    ),
    ...(isOneKey ? ['JWT_KEY and LINK_KEY are the same in production; make one for each.'] : []),
  ];
};

const read = (environment: Environment): Values => {
  const problems: string[] = [];
  const isProduction = environment['NODE_ENV'] === 'production';
  const values: Partial<Record<VariableName, unknown>> = {};
  for (const [name, variable] of Object.entries(VARIABLES) as [
    VariableName,
    (typeof VARIABLES)[VariableName],
  ][]) {
    const given = environment[name]?.trim();
    if (isProduction && variable.isRequiredInProduction && !given) {
      problems.push(`${name} is required in production (${variable.description}).`);
      continue;
    }
    const text = given || variable.fallback;
    if (text === undefined) continue;
    try {
      values[name] = variable.parse(text);
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      const shown = variable.isSecret ? 'its value (not shown)' : `"${text}"`;
      problems.push(`${name}: ${shown} is not accepted; give ${error.message}.`);
    }
  }
  if (isProduction) problems.push(...refusedSecrets(environment));
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return values as Values;
};

/** For variables that have a fallback, or that the embedded default fills in before start. */
const given = <T>(name: VariableName, value: T | undefined): T => {
  if (value === undefined) throw new ConfigError(`${name} is not set.`);
  return value;
};

const TRIPO_URL = 'https://openapi.tripo3d.ai/v3';
const REPLICATE_URL = 'https://api.replicate.com/v1';

const toolSlices = (values: Values) => {
  const { TRYON_TOKEN: token, TRYON_URL: url } = values;
  // A token alone is one of Replicate: a Gradio application always has an address.
  const provider = values.TRYON_PROVIDER ?? (token && !url ? 'replicate' : 'gradio');
  return {
    timeoutMs: given('TOOL_TIMEOUT_SECONDS', values.TOOL_TIMEOUT_SECONDS) * 1_000,
    deadlineSeconds: given('TOOL_DEADLINE_MINUTES', values.TOOL_DEADLINE_MINUTES) * 60,
    reconcileSeconds: given('TOOL_RECONCILE_SECONDS', values.TOOL_RECONCILE_SECONDS),
    operatorPauseSeconds: given('TOOL_OPERATOR_PAUSE_SECONDS', values.TOOL_OPERATOR_PAUSE_SECONDS),
    resultMaxBytes: Math.floor(given('TOOL_RESULT_MAX_MB', values.TOOL_RESULT_MAX_MB) * 1_000_000),
    tripo: {
      /** Undefined with an undefined key: not set up. */
      baseUrl: values.TRIPO_BASE_URL ?? (values.TRIPO_API_KEY ? TRIPO_URL : undefined),
      apiKey: values.TRIPO_API_KEY,
      paths: given('TRIPO_PATHS', values.TRIPO_PATHS),
      /** None: webhooks are refused. */
      webhookSecrets: given('TRIPO_WEBHOOK_SECRETS', values.TRIPO_WEBHOOK_SECRETS),
      modelVersion: given('TRIPO_MODEL_VERSION', values.TRIPO_MODEL_VERSION),
      concurrency: given('TRIPO_CONCURRENCY', values.TRIPO_CONCURRENCY),
      pollMs: given('TRIPO_POLL_SECONDS', values.TRIPO_POLL_SECONDS) * 1_000,
      downloadHosts: given('TRIPO_DOWNLOAD_HOSTS', values.TRIPO_DOWNLOAD_HOSTS),
      lowBalance: given('TRIPO_LOW_BALANCE', values.TRIPO_LOW_BALANCE),
    },
    tryOn: {
      provider,
      /** Undefined: not set up. */
      url: url ?? (provider === 'replicate' && token ? REPLICATE_URL : undefined),
      token,
      gradioFunction: given('TRYON_GRADIO_FUNCTION', values.TRYON_GRADIO_FUNCTION),
      modelVersion: given('TRYON_MODEL_VERSION', values.TRYON_MODEL_VERSION),
      concurrency: given('TRYON_CONCURRENCY', values.TRYON_CONCURRENCY),
      pollMs: given('TRYON_POLL_SECONDS', values.TRYON_POLL_SECONDS) * 1_000,
      downloadHosts: given('TRYON_DOWNLOAD_HOSTS', values.TRYON_DOWNLOAD_HOSTS),
    },
  };
};

const slices = (values: Values) => {
  const isProduction = values.NODE_ENV === 'production';
  const dataDir = path.resolve(given('DATA_DIR', values.DATA_DIR));
  const port = given('PORT', values.PORT);
  const publicUrl = values.PUBLIC_URL ?? `http://localhost:${port}`;
  const frontendUrl = values.FRONTEND_URL;
  return {
    process: {
      isProduction,
      roles: given<Role[]>('ROLES', values.ROLES),
      dataDir,
      logLevel: given('LOG_LEVEL', values.LOG_LEVEL),
      logFile: values.LOG_FILE,
      migrateOnStart: given('MIGRATE_ON_START', values.MIGRATE_ON_START),
    },
    http: {
      port,
      host: values.HOST ?? (isProduction ? '0.0.0.0' : '127.0.0.1'),
      publicUrl,
      frontendUrl,
      corsOrigins: values.CORS_ORIGINS ?? (frontendUrl ? [new URL(frontendUrl).origin] : []),
      trustProxy: given('TRUST_PROXY', values.TRUST_PROXY),
      rateLimitScale: given('RATE_LIMIT_SCALE', values.RATE_LIMIT_SCALE),
      metricsToken: values.METRICS_TOKEN,
    },
    database: {
      url: given('DATABASE_URL', values.DATABASE_URL),
      poolSize: given('DATABASE_POOL_SIZE', values.DATABASE_POOL_SIZE),
    },
    queue: { redisUrl: values.REDIS_URL },
    aws: {
      region: values.AWS_REGION ?? 'us-east-1',
      /** Undefined: the SDK looks in its usual places. */
      credentials:
        values.AWS_ACCESS_KEY_ID && values.AWS_SECRET_ACCESS_KEY
          ? { accessKeyId: values.AWS_ACCESS_KEY_ID, secretAccessKey: values.AWS_SECRET_ACCESS_KEY }
          : undefined,
    },
    storage: {
      url: values.STORAGE_URL ?? pathToFileURL(path.join(dataDir, 'files')).href,
      s3Endpoint: values.S3_ENDPOINT,
      s3Encryption: values.S3_ENCRYPTION,
      keepOriginals: given('KEEP_ORIGINALS', values.KEEP_ORIGINALS),
      /** 0: no limit. */
      quotaBytes: given('QUOTA_MB', values.QUOTA_MB) * 1_000_000,
      quotaFiles: given('QUOTA_FILES', values.QUOTA_FILES),
      /** 0: for ever. */
      retentionDays: {
        input: given('INPUT_RETENTION_DAYS', values.INPUT_RETENTION_DAYS),
        output: given('OUTPUT_RETENTION_DAYS', values.OUTPUT_RETENTION_DAYS),
      },
      uploadMaxBytes: Math.floor(given('UPLOAD_MAX_MB', values.UPLOAD_MAX_MB) * 1_000_000),
      uploadMaxPixels: Math.floor(
        given('UPLOAD_MAX_MEGAPIXELS', values.UPLOAD_MAX_MEGAPIXELS) * 1_000_000,
      ),
    },
    comfy: {
      urls: given('COMFYUI_URLS', values.COMFYUI_URLS),
      dirs: given('COMFYUI_DIRS', values.COMFYUI_DIRS),
      brushnet: given('COMFY_BRUSHNET', values.COMFY_BRUSHNET),
      backgrounds: given('BACKGROUNDS', values.BACKGROUNDS),
      workflowsDir: values.WORKFLOWS_DIR,
      restartCommand: values.COMFY_RESTART_CMD,
      instanceLeaseSeconds: given('INSTANCE_LEASE_SECONDS', values.INSTANCE_LEASE_SECONDS),
      instanceGraceSeconds: given('INSTANCE_GRACE', values.INSTANCE_GRACE),
    },
    jobs: {
      leaseSeconds: given('JOB_LEASE_SECONDS', values.JOB_LEASE_SECONDS),
      maxQueueHours: given('JOB_MAX_QUEUE_HOURS', values.JOB_MAX_QUEUE_HOURS),
    },
    auth: {
      jwtKey: given('JWT_KEY', values.JWT_KEY),
      google:
        values.GOOGLE_CLIENT_ID && values.GOOGLE_CLIENT_SECRET
          ? {
              clientId: values.GOOGLE_CLIENT_ID,
              clientSecret: values.GOOGLE_CLIENT_SECRET,
              issuer: given('GOOGLE_ISSUER', values.GOOGLE_ISSUER),
            }
          : undefined,
    },
    links: { key: given('LINK_KEY', values.LINK_KEY) },
    credits: {
      signup: given('SIGNUP_CREDITS', values.SIGNUP_CREDITS),
      prices: given('PRICES', values.PRICES),
    },
    mail: {
      from: given('MAIL_FROM', values.MAIL_FROM),
      queueUrl: given('SQS_QUEUE_URL', values.SQS_QUEUE_URL),
      sqsEndpoint: values.SQS_ENDPOINT,
      sesEndpoint: values.SES_ENDPOINT,
      configurationSet: values.SES_CONFIGURATION_SET,
      createQueues: given('SQS_CREATE_QUEUES', values.SQS_CREATE_QUEUES),
      eventsQueueUrl: values.SES_EVENTS_QUEUE_URL,
      sesTimeoutSeconds: given('SES_TIMEOUT_SECONDS', values.SES_TIMEOUT_SECONDS),
      leaseSeconds: given('MAIL_LEASE_SECONDS', values.MAIL_LEASE_SECONDS),
      retrySeconds: given('MAIL_RETRY_SECONDS', values.MAIL_RETRY_SECONDS),
      ratePerSecond: given('MAIL_RATE', values.MAIL_RATE),
      linkDays: given('MAIL_LINK_DAYS', values.MAIL_LINK_DAYS),
      mailsPerDay: given('MAILS_PER_DAY', values.MAILS_PER_DAY),
    },
    tools: toolSlices(values),
  };
};

const deepFreeze = <T extends object>(value: T): T => {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object);
  }
  return Object.freeze(value);
};

type Slices = ReturnType<typeof slices>;

/**
 * The validated, frozen configuration in typed slices, injected by its class.
 * Sizes are in bytes and times in the unit of their name.
 */
export class Config {
  readonly process: Slices['process'];
  readonly http: Slices['http'];
  readonly database: Slices['database'];
  readonly queue: Slices['queue'];
  readonly aws: Slices['aws'];
  readonly storage: Slices['storage'];
  readonly comfy: Slices['comfy'];
  readonly jobs: Slices['jobs'];
  readonly auth: Slices['auth'];
  readonly links: Slices['links'];
  readonly credits: Slices['credits'];
  readonly mail: Slices['mail'];
  readonly tools: Slices['tools'];

  private constructor(values: Slices) {
    Object.assign(this, values);
    deepFreeze(this);
  }

  /** Throws {@link ConfigError} that names each variable which is missing or wrong. */
  static from(environment: Environment): Config {
    return new Config(slices(read(environment)));
  }
}

/** What must be known before the embedded services start, from the raw environment. */
export interface StartSettings {
  readonly isProduction: boolean;
  readonly roles: readonly Role[];
  readonly dataDir: string;
  readonly port: number;
  readonly mailboxPort: number | undefined;
  readonly admin: { readonly email: string; readonly password: string | undefined };
  readonly demo: { readonly email: string; readonly password: string | undefined };
}

/** Reads and checks the environment as far as the start needs it. Throws {@link ConfigError}. */
export const readStartSettings = (environment: Environment): StartSettings => {
  const values = read(environment);
  return {
    isProduction: values.NODE_ENV === 'production',
    roles: given<Role[]>('ROLES', values.ROLES),
    dataDir: path.resolve(given('DATA_DIR', values.DATA_DIR)),
    port: given('PORT', values.PORT),
    mailboxPort: values.MAILBOX_PORT,
    admin: { email: given('ADMIN_EMAIL', values.ADMIN_EMAIL), password: values.ADMIN_PASSWORD },
    demo: { email: given('DEMO_EMAIL', values.DEMO_EMAIL), password: values.DEMO_PASSWORD },
  };
};

/** What the command line must know to find a server, from the raw environment. */
export interface CommandSettings {
  readonly dataDir: string;
  readonly port: number;
  readonly mailboxPort: number | undefined;
  readonly apiUrl: string | undefined;
  readonly mailboxUrl: string | undefined;
}

/** Reads and checks what {@link CommandSettings} needs. Throws {@link ConfigError}. */
export const readCommandSettings = (environment: Environment): CommandSettings => {
  // A command may look at a production server without holding all of its secrets.
  const values = read({ ...environment, NODE_ENV: undefined });
  return {
    dataDir: path.resolve(given('DATA_DIR', values.DATA_DIR)),
    port: given('PORT', values.PORT),
    mailboxPort: values.MAILBOX_PORT,
    apiUrl: values.API_URL,
    mailboxUrl: values.MAILBOX_URL,
  };
};

/** Groups of variables that also make sense for a server which keeps nothing. */
const FOR_THROWAWAY = ['ComfyUI and jobs', 'Credits', 'External tools'];

/** The environment without what names data, mails or addresses of an installation. */
export const throwawayEnvironment = (environment: Environment): Environment => {
  const groups = new Map<string, string>(
    Object.entries(VARIABLES).map(([name, variable]) => [name, variable.group]),
  );
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => {
      const group = groups.get(name);
      return group === undefined || FOR_THROWAWAY.includes(group);
    }),
  );
};
