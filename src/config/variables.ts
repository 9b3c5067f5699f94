import { parseBackgrounds } from './backgrounds.js';
import { parse, type Variable } from './variable.js';

type Options = Partial<Pick<Variable<unknown>, 'fallback' | 'isSecret' | 'isRequiredInProduction'>>;

const group =
  (name: string) =>
  <T>(parser: (text: string) => T, description: string, options: Options = {}) => ({
    group: name,
    description,
    parse: parser,
    fallback: options.fallback,
    isSecret: options.isSecret ?? false,
    isRequiredInProduction: options.isRequiredInProduction ?? false,
  });

const process = group('Process');
const http = group('HTTP');
const data = group('Data');
const gpu = group('ComfyUI and jobs');
const files = group('Files');
const accounts = group('Accounts');
const credits = group('Credits');
const mail = group('Mail');
const tools = group('External tools');
const commandLine = group('Command line');

const required = { isRequiredInProduction: true };
const secret = { isSecret: true };

/** Every environment variable that the product reads. The table in the README is made from it. */
export const VARIABLES = {
  NODE_ENV: process(
    parse.oneOf('development', 'test', 'production'),
    'In `production` nothing embedded starts and the variables marked * are required',
    { fallback: 'development' },
  ),
  ROLES: process(parse.listOf('api', 'worker', 'mailer'), 'What this process does', {
    fallback: 'api,worker,mailer',
  }),
  DATA_DIR: process(parse.text, 'Folder of the embedded services and of local files', {
    fallback: '.data',
  }),
  LOG_LEVEL: process(
    parse.oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
    'Least severe log lines to print',
    { fallback: 'info' },
  ),
  LOG_FILE: process(
    parse.text,
    'File for the log lines (default: standard output; embedded: a file in DATA_DIR)',
  ),
  MIGRATE_ON_START: process(parse.flag, 'Bring the database up to date at start', {
    fallback: 'true',
  }),

  PORT: http(parse.integer(0, 65_535), 'Port of the API', { fallback: '3000' }),
  HOST: http(parse.text, 'Address to listen on (default: 127.0.0.1, in production 0.0.0.0)'),
  PUBLIC_URL: http(
    parse.url('http', 'https'),
    'Address under which clients reach the API; links are built from it',
    required,
  ),
  FRONTEND_URL: http(
    parse.url('http', 'https'),
    'Address of the frontend; links in mails lead there when set',
  ),
  CORS_ORIGINS: http(
    parse.list,
    'Origins that browsers may call from (default: the one of FRONTEND_URL)',
  ),
  TRUST_PROXY: http(
    parse.integer(0, 10),
    'How many proxies in front to believe for the client address',
    { fallback: '0' },
  ),
  RATE_LIMIT_SCALE: http(
    parse.number(0.01, 1_000_000),
    'Factor on every rate limit, for load tests or a stricter installation',
    { fallback: '1' },
  ),
  METRICS_TOKEN: http(parse.text, 'Bearer token for /metrics from other machines', secret),

  DATABASE_URL: data(parse.url('postgres', 'postgresql'), 'PostgreSQL', { ...required, ...secret }),
  DATABASE_POOL_SIZE: data(
    parse.integer(2, 200),
    'Connections of this process for its own queries',
    { fallback: '12' },
  ),
  REDIS_URL: data(
    parse.url('redis', 'rediss'),
    'Redis for the queues; not set: the queues live in PostgreSQL',
    secret,
  ),
  STORAGE_URL: data(
    parse.url('file', 's3'),
    'Where files are kept: file:///folder or s3://bucket/prefix',
    required,
  ),
  AWS_REGION: data(parse.text, 'Region of S3, SQS and SES', required),
  S3_ENDPOINT: data(parse.url('http', 'https'), 'Other address of S3 (a compatible store)'),
  S3_ENCRYPTION: data(
    parse.oneOf('AES256', 'aws:kms'),
    'Server-side encryption of stored objects (default: the setting of the bucket)',
  ),
  AWS_ACCESS_KEY_ID: data(
    parse.text,
    'AWS credentials; the usual other sources of the SDK count too',
    secret,
  ),
  AWS_SECRET_ACCESS_KEY: data(parse.text, 'AWS credentials', secret),

  COMFYUI_URLS: gpu(
    parse.urls('http', 'https'),
    'ComfyUI servers, comma-separated: one per GPU',
    required,
  ),
  COMFYUI_DIRS: gpu(
    parse.list,
    'Folders of the ComfyUIs on this machine (with `output` and `temp` in them), comma-separated: our files there are removed once they are stored',
    { fallback: '' },
  ),
  COMFY_BRUSHNET: gpu(
    parse.flag,
    'Use the BrushNet graph for background changes where it is installed',
    { fallback: 'false' },
  ),
  BACKGROUNDS: gpu(
    parseBackgrounds,
    'Trained backgrounds beside the two of the product: JSON, or a file of it: `{"<id>": {"file", "title"?, "words"?, "workflows"?}}`',
    { fallback: '{}' },
  ),
  WORKFLOWS_DIR: gpu(parse.text, 'Folder with workflows of your own'),
  COMFY_RESTART_CMD: gpu(
    parse.text,
    'Shell command that restarts a wedged ComfyUI on this machine; its address is $1',
  ),
  INSTANCE_LEASE_SECONDS: gpu(
    parse.number(1, 600),
    'How long a worker owns a ComfyUI without renewing',
    { fallback: '15' },
  ),
  JOB_LEASE_SECONDS: gpu(parse.number(1, 600), 'How long a worker owns a job without renewing', {
    fallback: '15',
  }),
  INSTANCE_GRACE: gpu(
    parse.number(0, 3_600),
    'Seconds that a started job waits for an unreachable ComfyUI',
    { fallback: '60' },
  ),
  JOB_MAX_QUEUE_HOURS: gpu(
    parse.number(0.001, 720),
    'A job that has not begun after this fails as `jobs.expired`',
    { fallback: '24' },
  ),

  UPLOAD_MAX_MB: files(parse.number(0.1, 1_000), 'Largest upload in megabytes', { fallback: '25' }),
  UPLOAD_MAX_MEGAPIXELS: files(parse.number(0.1, 500), 'Largest picture in megapixels', {
    fallback: '50',
  }),
  KEEP_ORIGINALS: files(
    parse.flag,
    'Keep the uploaded bytes, metadata included, beside the cleaned picture',
    { fallback: 'false' },
  ),
  QUOTA_MB: files(
    parse.integer(0, 100_000_000),
    'Megabytes of stored files per person, above which uploads are refused; 0: no limit',
    { fallback: '10000' },
  ),
  QUOTA_FILES: files(
    parse.integer(0, 100_000_000),
    'Stored files per person, above which uploads are refused; 0: no limit',
    { fallback: '10000' },
  ),
  INPUT_RETENTION_DAYS: files(
    parse.number(0, 36_500),
    'Uploads are deleted after so many days; 0: kept until the person deletes them',
    { fallback: '0' },
  ),
  OUTPUT_RETENTION_DAYS: files(parse.number(0, 36_500), 'The same for results of jobs', {
    fallback: '0',
  }),
  LINK_KEY: files(parse.key, 'Secret that signs links to files and links in mails', {
    ...required,
    ...secret,
  }),

  JWT_KEY: accounts(parse.key, 'Secret that signs access tokens', { ...required, ...secret }),
  ADMIN_EMAIL: accounts(parse.email, 'Address of the first admin (embedded default only)', {
    fallback: 'admin@house.example',
  }),
  ADMIN_PASSWORD: accounts(
    parse.text,
    'Password of the first admin; made up and printed when not set',
    secret,
  ),
  DEMO_EMAIL: accounts(parse.email, 'Address of the demo account (embedded default only)', {
    fallback: 'demo@house.example',
  }),
  DEMO_PASSWORD: accounts(
    parse.text,
    'Password of the demo account; made up and printed when not set',
    secret,
  ),
  GOOGLE_CLIENT_ID: accounts(parse.text, 'Google sign-in'),
  GOOGLE_CLIENT_SECRET: accounts(parse.text, 'Google sign-in', secret),
  GOOGLE_ISSUER: accounts(parse.url('http', 'https'), 'OpenID issuer of Google', {
    fallback: 'https://accounts.google.com',
  }),

  SIGNUP_CREDITS: credits(
    parse.integer(0, 1_000_000),
    'Credits granted once, when an address is verified',
    { fallback: '100' },
  ),
  PRICES: credits(
    parse.amounts,
    'Prices that differ from the defaults, such as product-backgrounds=8',
    { fallback: '' },
  ),

  MAIL_FROM: mail(parse.email, 'Sender of all mails', {
    ...required,
    fallback: 'House of Models <studio@house.example>',
  }),
  SQS_QUEUE_URL: mail(parse.url('http', 'https'), 'Queue of the mails', required),
  SQS_ENDPOINT: mail(parse.url('http', 'https'), 'Other address of SQS'),
  SES_ENDPOINT: mail(parse.url('http', 'https'), 'Other address of SES'),
  SES_CONFIGURATION_SET: mail(
    parse.text,
    'SES configuration set that reports deliveries and bounces',
  ),
  SQS_CREATE_QUEUES: mail(
    parse.flag,
    'Create the queue of the mails and its dead-letter queue where they are missing',
    { fallback: 'false' },
  ),
  SES_EVENTS_QUEUE_URL: mail(
    parse.url('http', 'https'),
    'Queue that receives the events of SES (deliveries, bounces, complaints) through SNS',
  ),
  SES_TIMEOUT_SECONDS: mail(parse.number(0.1, 60), 'How long SES may take to accept a mail', {
    fallback: '10',
  }),
  MAIL_LEASE_SECONDS: mail(
    parse.number(1, 600),
    'How long a mailer holds a mail that it renders and sends; at least three times SES_TIMEOUT_SECONDS',
    { fallback: '60' },
  ),
  MAIL_RETRY_SECONDS: mail(
    parse.number(0.01, 600),
    'Pause before the second try of a mail; all longer pauses are multiples of it',
    { fallback: '30' },
  ),
  MAIL_RATE: mail(
    parse.number(0.1, 1_000),
    'Most mails per second that all mailers together hand to SES',
    { fallback: '14' },
  ),
  MAIL_LINK_DAYS: mail(parse.number(0.01, 7), 'How many days the links to files in mails work', {
    fallback: '7',
  }),
  MAILS_PER_DAY: mail(
    parse.integer(0, 100_000),
    'Most mails that a person may ask for per day, one per recipient',
    { fallback: '50' },
  ),
  MAILBOX_PORT: mail(
    parse.integer(0, 65_535),
    'Port of the embedded mailbox (default: 8005 or the next free one)',
  ),

  TRIPO_BASE_URL: tools(
    parse.url('http', 'https'),
    'Address of Tripo3D with its version (with only a key: https://openapi.tripo3d.ai/v3)',
  ),
  TRIPO_API_KEY: tools(
    parse.text,
    'Key of Tripo3D; without it, in production, the tool is off',
    secret,
  ),
  TRIPO_PATHS: tools(
    parse.paths('upload', 'create', 'tasks', 'list', 'balance', 'usage'),
    'Paths under TRIPO_BASE_URL that differ from the documented ones, such as upload=/files,tasks=/tasks',
    { fallback: '' },
  ),
  TRIPO_WEBHOOK_SECRETS: tools(
    parse.list,
    'Secrets (whsec_…) of the webhook that is registered at Tripo3D; without one tasks are only polled',
    { ...secret, fallback: '' },
  ),
  TRIPO_MODEL_VERSION: tools(parse.text, 'Model version of Tripo3D unless the order names one', {
    fallback: 'v3.1-20260211',
  }),
  TRIPO_CONCURRENCY: tools(parse.integer(1, 100), 'Tasks that a worker has at Tripo3D at once', {
    fallback: '4',
  }),
  TRIPO_POLL_SECONDS: tools(parse.number(0.05, 60), 'Pause between two looks at a task', {
    fallback: '3',
  }),
  TRIPO_DOWNLOAD_HOSTS: tools(
    parse.list,
    'Hosts that results of Tripo3D may come from; a leading dot allows every host below',
    { fallback: '.tripo3d.com,.tripo3d.ai' },
  ),
  TRIPO_LOW_BALANCE: tools(
    parse.number(0, 100_000_000),
    'Below so many credits at Tripo3D the log and /metrics warn',
    { fallback: '1000' },
  ),
  TRYON_PROVIDER: tools(
    parse.oneOf('gradio', 'replicate'),
    'Adapter of the try-on (with only a token: replicate; with an address: gradio)',
  ),
  TRYON_URL: tools(
    parse.url('http', 'https'),
    'Address of the try-on: the Gradio app, or the API of Replicate (with only a token: https://api.replicate.com/v1)',
  ),
  TRYON_TOKEN: tools(parse.text, 'Token of the try-on', secret),
  TRYON_GRADIO_FUNCTION: tools(parse.text, 'API name of the function of the Gradio app', {
    fallback: 'tryon',
  }),
  TRYON_MODEL_VERSION: tools(parse.text, 'Version id of cuuupid/idm-vton on Replicate', {
    fallback: 'c871bb9b046607b680449ecbae55fd8c6d945e0a1948644bf2361b3d021d3ff4',
  }),
  TRYON_CONCURRENCY: tools(parse.integer(1, 100), 'Tasks that a worker has at the try-on at once', {
    fallback: '2',
  }),
  TRYON_POLL_SECONDS: tools(parse.number(0.05, 60), 'Pause between two looks at a try-on', {
    fallback: '2',
  }),
  TRYON_DOWNLOAD_HOSTS: tools(
    parse.list,
    'Hosts, besides its own, that results of the try-on may come from',
    { fallback: '.replicate.delivery,replicate.delivery' },
  ),
  TOOL_TIMEOUT_SECONDS: tools(
    parse.number(0.1, 600),
    'How long a provider may take to answer a call',
    {
      fallback: '60',
    },
  ),
  TOOL_DEADLINE_MINUTES: tools(
    parse.number(0.01, 1_440),
    'A task that a provider has not ended after this fails without a charge',
    { fallback: '30' },
  ),
  TOOL_RECONCILE_SECONDS: tools(
    parse.number(1, 3_600),
    'How long a create of unknown outcome is looked for at the provider before it is given up',
    { fallback: '120' },
  ),
  TOOL_OPERATOR_PAUSE_SECONDS: tools(
    parse.number(0.1, 86_400),
    'How long a tool waits once its provider refuses our key or has no credit of ours left',
    { fallback: '300' },
  ),
  TOOL_RESULT_MAX_MB: tools(parse.number(0.1, 10_000), 'Largest result taken from a provider', {
    fallback: '200',
  }),

  API_URL: commandLine(
    parse.url('http', 'https'),
    'The server that `npm run demo` talks to (default: the one that runs here)',
  ),
  MAILBOX_URL: commandLine(
    parse.url('http', 'https'),
    'Mailbox in which `npm run demo` reads the mails of the server at API_URL',
  ),
} as const;

export type VariableName = keyof typeof VARIABLES;

/** What each variable is after reading; a variable without a fallback may be undefined. */
export type Values = {
  [Name in VariableName]: ReturnType<(typeof VARIABLES)[Name]['parse']> | undefined;
};
