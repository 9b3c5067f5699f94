/** Puts the parts of the sandbox together. */
import type { Server } from 'node:http';
import { createFileRoutes } from './file-routes.js';
import { Engine } from './engine.js';
import { Faults } from './faults.js';
import { Folders } from './folders.js';
import type { Installation } from './graph-validation.js';
import { createHttpServer } from './http-server.js';
import { createInfoRoutes, featuresOf } from './info-routes.js';
import { createJobRoutes } from './job-routes.js';
import { NodeCatalogue } from './node-catalogue.js';
import { createPromptRoutes } from './prompt-routes.js';
import { PromptQueue } from './prompt-queue.js';
import { SocketHub } from './socket-hub.js';
import { Worker } from './worker.js';

export interface SandboxOptions {
  readonly dataDir: string;
  readonly hasControl: boolean;
  readonly executionLog: string | undefined;
  readonly gpuMs: number | undefined;
  readonly previewMethod: string;
  readonly maxBodyBytes: number;
  readonly argv: readonly string[];
}

export const createSandbox = (options: SandboxOptions): Server => {
  const { hasControl, maxBodyBytes } = options;
  const folders = new Folders(options.dataDir);
  folders.prepare();
  const catalogue = new NodeCatalogue(() => folders.listInputs(), { withTestNodes: hasControl });
  const status = () => ({ status: { exec_info: { queue_remaining: queue.remaining } } });
  const queue: PromptQueue = new PromptQueue(() => hub.send('status', status()));
  const hub: SocketHub = new SocketHub(featuresOf(maxBodyBytes), (sid) => {
    const node = worker.nodeRunningFor(sid);
    const greeting: [string, object][] = [['status', { ...status(), sid }]];
    return node === undefined ? greeting : [...greeting, ['executing', { node }]];
  });
  const faults = new Faults(hub, folders, options.executionLog);
  const worker: Worker = new Worker(queue, {
    hub,
    catalogue,
    engine: new Engine(options.dataDir),
    folders,
    faults,
    gpuMs: options.gpuMs,
    previewMethod: options.previewMethod,
  });
  const installation: Installation = {
    find: (classType) => catalogue.find(classType),
    check: (classType, input, value) => {
      if (input !== 'image' || !['LoadImage', 'LoadImageMask'].includes(classType))
        return undefined;
      const name = String(value);
      return folders.findInput(name) === undefined ? `Invalid image file: ${name}` : true;
    },
  };
  worker.start().catch((error: unknown) => console.error('The worker died:', error));
  return createHttpServer({
    maxBodyBytes,
    intercept: (path) => faults.interceptRequest(path),
    upgrade: (request, stream, head, query) =>
      hub.accept(request, stream, head, query.get('clientId') ?? ''),
    routes: [
      ...createPromptRoutes(queue, worker, installation, () => faults.afterAccepting()),
      ...createJobRoutes(queue, worker),
      ...createFileRoutes(folders),
      ...createInfoRoutes(catalogue, maxBodyBytes, options.argv),
      ...(hasControl ? faults.routes : []),
    ],
  });
};
