import { BullModule } from '@nestjs/bullmq';
import { Module, type DynamicModule } from '@nestjs/common';
import type { Config } from '../config/index.js';
import { JobPictures } from './executor/pictures.js';
import { TaskCreation } from './executor/task-creation.js';
import { TaskFollowing } from './executor/task-following.js';
import { ToolExecutor } from './executor/tool-executor.js';
import { ToolResults } from './executor/tool-results.js';
import { TOOL_QUEUES, ToolLanes } from './lanes/tool-lanes.js';
import { ToolMetrics } from './tool-metrics.js';
import { Toolbox } from './toolbox.js';
import { ToolsController } from './tools.controller.js';
import { Tools } from './tools.service.js';
import { WebhooksController } from './webhooks.controller.js';

const EXECUTION = [
  ToolMetrics,
  JobPictures,
  ToolResults,
  TaskCreation,
  TaskFollowing,
  ToolExecutor,
  ToolLanes,
];

/** Outside tools: routes where the API is, lanes where a worker is. */
@Module({})
export class ToolsModule {
  static forRoot(config: Config): DynamicModule {
    const { roles } = config.process;
    return {
      module: ToolsModule,
      imports: [BullModule.registerQueue(...ToolsModule.queueNames().map((name) => ({ name })))],
      controllers: roles.includes('api') ? [ToolsController, WebhooksController] : [],
      providers: [Toolbox, Tools, ...(roles.includes('worker') ? EXECUTION : [])],
    };
  }

  /** The names of the lanes' queues, for the dashboard. */
  static queueNames(): string[] {
    return Object.values(TOOL_QUEUES);
  }
}
