/**
 * jobs: the life of a job, whoever runs it. Owns the terms Job, Lease, Start, Turn, Instance,
 * Provider task, Progress and Settlement. The row is the truth: it decides who is next and who may write, and every
 * end is one transaction with its credits and its event.
 * Refuses to know what a workflow does, to call a ComfyUI, and to let a fenced worker write.
 */
export { Instances } from './instances.js';
export type { Capability, Instance, Lack } from './instances.js';
export type { JobError, JobKind, JobStatus } from './job.js';
export { MAX_STARTS } from './job.js';
export { JobView } from './job.dto.js';
export { JOB_WISH_CHANNEL, JOBS_WAITING_CHANNEL, meansJobsOf } from './job-lease.js';
export type { JobLease } from './job-lease.js';
export { JobLeases } from './job-leases.js';
export type { PickedJob } from './job-leases.js';
export { JobOrders } from './job-orders.js';
export { JobProgress } from './job-progress.js';
export { JobSettlement } from './job-settlement.js';
export type { JobResult } from './job-settlement.js';
export type { JobOrder } from './job-submission.js';
export { LeaseLost } from './jobs.errors.js';
export { JobsModule } from './jobs.module.js';
export { Jobs } from './jobs.service.js';
export type { JobSummary } from './jobs.service.js';
export { jobFailed, jobSucceeded } from './jobs.topics.js';
export { LeaseHold } from './lease-hold.js';
export { JOBS_MIGRATIONS } from './migrations.js';
export { ProviderTasks } from './provider-tasks.js';
export type { ProviderTaskRecord } from './provider-tasks.js';
