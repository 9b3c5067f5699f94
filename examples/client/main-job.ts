/**
 * The main job with a client that is generated from openapi.json:
 *   npx openapi-ts -i openapi.json -o examples/client/house
 * It logs in, saves a picture, asks the price, orders, follows the job live and fetches the result.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { client } from './house/client.gen.js';
import {
  authLogIn,
  comfyOrderProductBackground,
  creditsEntries,
  creditsQuote,
  filesBytes,
  filesUpload,
  jobsGet,
  jobStreamEvents,
} from './house/index.js';

const { API_URL = 'http://localhost:3000', EMAIL = '', PASSWORD = '' } = process.env;
const [picture = 'samples/product-coffee-cup.png', result = 'result.png'] = process.argv.slice(2);
const throwOnError = true;
client.setConfig({ baseUrl: API_URL });

const login = await authLogIn({ body: { email: EMAIL, password: PASSWORD }, throwOnError });
client.setConfig({ auth: login.data.accessToken });

const file = new File([new Uint8Array(await readFile(picture))], 'picture.png');
const { data: image } = await filesUpload({ body: { file }, throwOnError });
const parameters = { prompt: 'on a white marble table in soft morning light' };
const { data: quote } = await creditsQuote({
  body: { workflow: 'product-backgrounds', parameters },
  throwOnError,
});
if (!quote.enough) throw new Error(`It costs ${quote.credits} and there are ${quote.available}.`);

const { data: order } = await comfyOrderProductBackground({
  headers: { 'Idempotency-Key': crypto.randomUUID() },
  body: { imageId: image.id, ...parameters },
  throwOnError,
});
const { stream } = await jobStreamEvents({ path: { id: order.id } });
let events = 0;
for await (const event of stream) {
  if (!event) continue;
  events += 1;
  const { status } = event;
  // The generated client would connect again after the end.
  if (status === 'succeeded' || status === 'failed' || status === 'cancelled') break;
}

const { data: job } = await jobsGet({ path: { id: order.id }, throwOnError });
const output = job.outputs[0]?.file;
if (job.status !== 'succeeded' || !output) throw new Error(job.error?.message ?? job.status);
const { data: bytes } = await filesBytes({
  path: { id: output.id },
  parseAs: 'blob',
  throwOnError,
});
await writeFile(result, Buffer.from(await (bytes as Blob).arrayBuffer()));
const { data: entries } = await creditsEntries({ query: { jobId: order.id }, throwOnError });

// An error is a problem document with a code, and typed as one.
const { error } = await jobsGet({ path: { id: crypto.randomUUID() } });
console.log(
  JSON.stringify({
    id: job.id,
    status: job.status,
    charged: job.credits.captured,
    quoted: quote.credits,
    entries: entries.items.map(({ type }) => type),
    events,
    unknownJob: error?.code,
  }),
);
