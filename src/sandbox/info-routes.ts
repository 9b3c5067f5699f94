/** What a client asks about the installation (protocol §2.7, recording j). */
import os from 'node:os';
import type { Reply, Route } from './http-server.js';
import { listModelFolders, listModels, type NodeCatalogue } from './node-catalogue.js';

const VERSION = '0.33.0';

/** Flags of the server, sent in `/features` and in answer to a client's flags (recording a). */
export const featuresOf = (maxBodyBytes: number) => ({
  supports_preview_metadata: true,
  supports_model_type_tags: true,
  max_upload_size: maxBodyBytes,
  extension: { manager: { supports_v4: true } },
  node_replacements: true,
  assets: false,
});

const systemStats = (argv: readonly string[]): Reply => {
  const [total, free] = [os.totalmem(), os.freemem()];
  const vram = {
    vram_total: total,
    vram_free: free,
    torch_vram_total: total,
    torch_vram_free: free,
  };
  return {
    json: {
      system: {
        os: process.platform,
        ram_total: total,
        ram_free: free,
        comfyui_version: VERSION,
        required_frontend_version: '1.49.6',
        installed_templates_version: '0.11.44',
        required_templates_version: '0.11.44',
        comfy_package_versions: [],
        python_version: 'none: sandbox',
        pytorch_version: 'none: sandbox',
        embedded_python: false,
        deploy_environment: 'sandbox',
        argv,
      },
      devices: [{ name: 'sandbox', type: 'cpu', index: null, ...vram }],
    },
  };
};

export const createInfoRoutes = (
  catalogue: NodeCatalogue,
  maxBodyBytes: number,
  argv: readonly string[],
): Route[] => {
  const describe = (names: readonly string[]): Reply => {
    const found = names.map((name) => [name, catalogue.find(name)] as const);
    return { json: Object.fromEntries(found.filter(([, definition]) => definition)) };
  };
  const models = (folder: string): Reply => {
    const files = listModels(folder);
    return files ? { json: files } : { status: 404 };
  };
  const get = (path: RegExp, answer: Route['answer']): Route => ({ method: 'GET', path, answer });
  return [
    get(/^\/object_info$/, () => describe(catalogue.names)),
    get(/^\/object_info\/([^/]+)$/, ({ params: [name = ''] }) => describe([name])),
    get(/^\/models$/, () => ({ json: listModelFolders() })),
    get(/^\/models\/([^/]+)$/, ({ params: [folder = ''] }) => models(folder)),
    get(/^\/embeddings$/, () => ({ json: [] })),
    get(/^\/extensions$/, () => ({ json: [] })),
    get(/^\/features$/, () => ({ json: featuresOf(maxBodyBytes) })),
    get(/^\/system_stats$/, () => systemStats(argv)),
  ];
};
