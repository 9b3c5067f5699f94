import { defineTopic } from '../platform/index.js';

/** A job ended well: its results are stored and charged. */
export const jobSucceeded = defineTopic<{ jobId: string }>('job.succeeded');

/** A job ended without a result and without a charge. */
export const jobFailed = defineTopic<{ jobId: string }>('job.failed');
