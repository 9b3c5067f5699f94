import { Module, type DynamicModule } from '@nestjs/common';
import type { Role } from '../config/index.js';
import { Instances } from './instances.js';
import { JobConsumption } from './job-consumption.js';
import { JobErasure } from './job-erasure.js';
import { JobFiles } from './job-files.js';
import { JobLeases } from './job-leases.js';
import { JobLedgerCheck } from './job-ledger-check.js';
import { JobMetrics } from './job-metrics.js';
import { JobOrders } from './job-orders.js';
import { JobProgress } from './job-progress.js';
import { JobQueue } from './job-queue.js';
import { JobReconciler } from './job-reconciler.js';
import { JobRetries } from './job-retries.js';
import { JobSettlement } from './job-settlement.js';
import { JobStreamController } from './job-stream.controller.js';
import { JobStreams } from './job-streams.js';
import { JobSubmission } from './job-submission.js';
import { JobTokens } from './job-tokens.js';
import { JobViews } from './job-views.js';
import { JobVisitors } from './job-visitors.js';
import { JobsAdminController } from './jobs-admin.controller.js';
import { JobsController } from './jobs.controller.js';
import { Jobs } from './jobs.service.js';
import { PersonJobsController } from './person-jobs.controller.js';
import { ProviderTasks } from './provider-tasks.js';

const SHARED = [
  Jobs,
  JobSubmission,
  JobOrders,
  JobLeases,
  ProviderTasks,
  JobProgress,
  JobSettlement,
  JobStreams,
  Instances,
];

/** The life of jobs; the modules that run them build on it. */
@Module({})
export class JobsModule {
  static forRoles(roles: readonly Role[]): DynamicModule {
    return {
      module: JobsModule,
      controllers: roles.includes('api')
        ? [JobsController, JobStreamController, JobsAdminController, PersonJobsController]
        : [],
      providers: [
        ...SHARED,
        JobViews,
        JobTokens,
        JobConsumption,
        JobErasure,
        JobFiles,
        JobLedgerCheck,
        JobMetrics,
        JobQueue,
        JobRetries,
        JobVisitors,
        ...(roles.includes('worker') ? [JobReconciler] : []),
      ],
      exports: SHARED,
    };
  }
}
