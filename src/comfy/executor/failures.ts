import type { JobError } from '../../jobs/index.js';
import type { GraphFault, NodeError } from '../protocol/index.js';

/** Every way in which a run fails for good, in words for the person who ordered it. */
export const FAILURES = {
  subjectNotFound: {
    code: 'comfy.subject_not_found',
    message: 'No clear subject was found in the picture.',
    hint: 'Use a picture that shows the product or garment clearly and in full.',
    retryable: false,
  },
  outOfMemory: {
    code: 'comfy.out_of_memory',
    message: 'The GPU ran out of memory, twice.',
    hint: 'Try a smaller picture, or try again later.',
    retryable: true,
  },
  deadline: {
    code: 'comfy.deadline_exceeded',
    message: 'The generation took longer than it may and was stopped.',
    hint: 'Try again; the GPU may have been busy loading models.',
    retryable: true,
  },
  lost: {
    code: 'jobs.lost',
    message: 'The job was begun three times and could not be finished.',
    hint: 'Try another picture; if it happens again, tell the operator.',
    retryable: true,
  },
  outputMissing: {
    code: 'comfy.output_missing',
    message: 'The GPU server finished without giving the expected result.',
    hint: 'Try again; if it happens again, tell the operator.',
    retryable: true,
  },
  outputUnreadable: {
    code: 'comfy.output_unreadable',
    message: 'The GPU server gave a result that is not the kind of file that it is called.',
    hint: 'Try again; if it happens again, tell the operator.',
    retryable: true,
  },
  storageFull: {
    code: 'files.storage_full',
    message: 'There was no space to keep the result, so it was not charged.',
    hint: 'Try again later; the operator has to make room.',
    retryable: true,
  },
  workflowRemoved: {
    code: 'comfy.workflow_removed',
    message: 'This workflow is not offered any more.',
    retryable: false,
  },
} as const satisfies Record<string, JobError>;

const OUT_OF_MEMORY = /OutOfMemoryError|out of memory/i;

export const isOutOfMemory = (error: NodeError): boolean =>
  OUT_OF_MEMORY.test(error.exceptionType) || OUT_OF_MEMORY.test(error.message);

/** A node raised. Its own text may hold server paths, so only its class is told. */
export const nodeFailure = (error: NodeError): JobError => ({
  code: 'comfy.node_failed',
  message: `A step of the generation failed${error.nodeType ? ` (${error.nodeType})` : ''}.`,
  hint: 'Try another picture or prompt; the operator finds the cause in the log of ComfyUI.',
  retryable: true,
});

/** ComfyUI's validation refused the graph: this installation does not fit the workflow. */
export const rejection = (faults: readonly GraphFault[]): JobError => {
  const parts = faults
    .slice(0, 3)
    .map((fault) => [fault.classType, fault.inputName].filter(Boolean).join('.'));
  return {
    code: 'comfy.graph_rejected',
    message: `The GPU server does not accept this workflow (${[...new Set(parts)].join(', ')}).`,
    hint: 'The operator sees what is missing with "npm run doctor".',
    retryable: false,
  };
};
