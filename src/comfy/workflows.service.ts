import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Prices } from '../credits/index.js';
import type { Capability } from '../jobs/index.js';
import { missingFor } from './graph/index.js';
import { comfyError } from './comfy.errors.js';
import type { ObjectInfo } from './protocol/index.js';
import { capabilityKeys, probeGraphs } from './workflows/capability.js';
import { builtInWorkflows } from './workflows/index.js';
import { loadOwnWorkflows } from './workflows/own/index.js';
import type { Workflow } from './workflows/workflow.js';

/** The workflows of this installation, by id. */
@Injectable()
export class Workflows {
  private readonly logger = new Logger(Workflows.name);
  private readonly byId = new Map<string, Workflow>();

  constructor(
    config: Config,
    private readonly prices: Prices,
  ) {
    for (const workflow of builtInWorkflows(config.comfy)) this.add(workflow);
    if (config.comfy.workflowsDir !== undefined) this.addOwn(config.comfy.workflowsDir);
  }

  all(): Workflow[] {
    return [...this.byId.values()];
  }

  find(id: string): Workflow | undefined {
    return this.byId.get(id);
  }

  /** Throws comfy.workflow_not_found. */
  get(id: string): Workflow {
    const workflow = this.byId.get(id);
    if (!workflow) {
      throw comfyError(
        'comfy.workflow_not_found',
        `There is no workflow "${id}"; GET /v1/comfy/workflows lists them.`,
      );
    }
    return workflow;
  }

  /**
   * What a ComfyUI that offers `info` lacks, for each workflow and each choice within it, and the
   * variant that it would run.
   */
  capabilitiesOf(info: ObjectInfo): Record<string, Capability> {
    return Object.fromEntries(
      this.all().flatMap((workflow) =>
        capabilityKeys(workflow).map(({ key, choice }) => [
          key,
          this.capabilityOf(workflow, choice, info),
        ]),
      ),
    );
  }

  /** The preferred variant that can run; else what the last one, which is the plainest, lacks. */
  private capabilityOf(workflow: Workflow, choice: unknown, info: ObjectInfo): Capability {
    let capability: Capability = { missing: [] };
    for (const variant of workflow.variants ?? [undefined]) {
      const missing = missingFor(probeGraphs(workflow, { choice, variant }), info);
      capability = { missing, ...(variant !== undefined && { variant }) };
      if (missing.length === 0) break;
    }
    return capability;
  }

  private addOwn(directory: string): void {
    const { workflows, refusals } = loadOwnWorkflows(directory, [...this.byId.keys()]);
    for (const workflow of workflows) this.add(workflow);
    for (const { name, file, line, reason } of refusals) {
      this.logger.error(`The workflow "${name}" is refused: ${file}:${line} ${reason}`);
    }
  }

  private add(workflow: Workflow): void {
    this.byId.set(workflow.id, workflow);
    this.prices.declare(workflow.id, workflow.defaultCredits);
  }
}
