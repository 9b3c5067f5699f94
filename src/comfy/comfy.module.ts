import { BullModule } from '@nestjs/bullmq';
import { Module, type DynamicModule } from '@nestjs/common';
import type { Config } from '../config/index.js';
import { Catalogue } from './catalogue.service.js';
import { ComfyController } from './comfy.controller.js';
import { Comfy } from './comfy.service.js';
import { ComfyDisk } from './disk/comfy-disk.js';
import { JobExecutor } from './executor/job-executor.js';
import { PromptEnding } from './executor/prompt-ending.js';
import { PromptPosting } from './executor/prompt-posting.js';
import { Results } from './executor/results.js';
import { Uploads } from './executor/uploads.js';
import { GpuMetrics } from './lanes/gpu-metrics.js';
import { laneName, Lanes } from './lanes/lanes.js';
import { WorkflowDocs } from './workflow-docs.js';
import { Workflows } from './workflows.service.js';

/** Generations: routes where the API is, lanes where a worker is. */
@Module({})
export class ComfyModule {
  static forRoot(config: Config): DynamicModule {
    const { roles } = config.process;
    return {
      module: ComfyModule,
      imports: [
        BullModule.registerQueue(...config.comfy.urls.map((url) => ({ name: laneName(url) }))),
      ],
      controllers: roles.includes('api') ? [ComfyController] : [],
      providers: [
        Workflows,
        Catalogue,
        Comfy,
        ...(roles.includes('api') ? [WorkflowDocs] : []),
        ...(roles.includes('worker')
          ? [
              Uploads,
              Results,
              PromptPosting,
              PromptEnding,
              JobExecutor,
              ComfyDisk,
              GpuMetrics,
              Lanes,
            ]
          : []),
      ],
      exports: [],
    };
  }

  /** The names of the lanes' queues, for the dashboard. */
  static queueNames(config: Config): string[] {
    return config.comfy.urls.map(laneName);
  }
}
