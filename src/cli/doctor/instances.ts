import { remedyFor } from '../../comfy/index.js';
import type { Config } from '../../config/index.js';
import type { Instance, Lack } from '../../jobs/index.js';
import { bad, odd, ok, reasonOf, type Finding } from './finding.js';

const TIMEOUT_MS = 5_000;

const nameOf = ({ kind, name, value }: Lack): string =>
  `${kind === 'node' ? 'node ' : ''}${name}${value === undefined ? '' : `=${value}`}`;

/** What it lacks and, where that is known, what to install. */
const lackOf = (lack: Lack): string => {
  const hint = remedyFor(lack)?.hint;
  return hint ? `${nameOf(lack)} (${hint})` : nameOf(lack);
};

/** Whether it answers this machine now; what it can run is in its row. */
const reach = async (url: string): Promise<string | undefined> => {
  try {
    const response = await fetch(`${url}/system_stats`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.ok ? undefined : `answers ${response.status}`;
  } catch (error) {
    return reasonOf(error);
  }
};

const workflowsOf = ({ capabilities }: Instance): readonly Finding[] =>
  Object.entries(capabilities).map(([workflow, { missing }]) =>
    missing.length === 0
      ? ok(`  ${workflow}`, 'can run')
      : odd(`  ${workflow}`, `lacks ${missing.map(lackOf).join(', ')}`),
  );

const examine = async (url: string, row: Instance | undefined): Promise<readonly Finding[]> => {
  const subject = `ComfyUI ${new URL(url).host}`;
  const trouble = await reach(url);
  if (trouble) return [bad(subject, `${url}: ${trouble}`)];
  if (!row) return [bad(subject, 'answers, but no worker has asked it yet: is a worker running?')];
  if (!row.isOwned) return [bad(subject, 'answers, but no worker drives it: is a worker running?')];
  if (row.state !== 'ready') {
    return [
      bad(subject, `${row.state} since ${row.stateSince.toISOString()}`),
      ...workflowsOf(row),
    ];
  }
  return [ok(subject, `ready, version ${row.version ?? 'unknown'}`), ...workflowsOf(row)];
};

/** Each configured ComfyUI, and what each workflow lacks there. */
export const examineInstances = async (
  config: Config,
  rows: readonly Instance[],
): Promise<readonly Finding[]> => {
  const { urls } = config.comfy;
  const configured = await Promise.all(
    urls.map((url) =>
      examine(
        url,
        rows.find((row) => row.url === url),
      ),
    ),
  );
  const everywhere = rows.filter((row) => urls.includes(row.url) && row.state === 'ready');
  const workflows = new Set(everywhere.flatMap((row) => Object.keys(row.capabilities)));
  const nowhere = [...workflows].filter(
    (workflow) => !everywhere.some((row) => row.workflows.includes(workflow)),
  );
  const forgotten = rows.filter((row) => !urls.includes(row.url) && row.isOwned);
  return [
    ...configured.flat(),
    ...nowhere.map((workflow) => odd('Workflows', `${workflow} can run on no GPU`)),
    ...forgotten.map((row) =>
      odd('Workflows', `${row.url} is driven but not in COMFYUI_URLS here`),
    ),
  ];
};
