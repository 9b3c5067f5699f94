import { loadOwnWorkflows } from '../../comfy/index.js';
import type { Config } from '../../config/index.js';
import { bad, ok, type Finding } from './finding.js';

/** The workflows in WORKFLOWS_DIR, the refused ones with their line and the reason. */
export const examineOwnWorkflows = ({ comfy }: Config): readonly Finding[] => {
  if (!comfy.workflowsDir) return [];
  const { workflows, refusals } = loadOwnWorkflows(comfy.workflowsDir);
  return [
    ...workflows.map(({ id }) => ok('Own workflows', id)),
    ...refusals.map(({ name, file, line, reason }) =>
      bad('Own workflows', `"${name}" is refused: ${file}:${line} ${reason}`),
    ),
  ];
};
