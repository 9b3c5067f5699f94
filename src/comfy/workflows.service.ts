import { Injectable } from '@nestjs/common';
import { Prices } from '../credits/index.js';
import type { Capability } from '../jobs/index.js';
import { missingFor, type Graph } from './graph/index.js';
import { comfyError } from './comfy.errors.js';
import type { ObjectInfo } from './protocol/index.js';
import { BUILT_IN_WORKFLOWS } from './workflows/index.js';
import { probeParameters } from './workflows/parameters.js';
import type { Workflow } from './workflows/workflow.js';

/** The workflows of this installation, by id. */
@Injectable()
export class Workflows {
  private readonly byId = new Map<string, Workflow>();

  constructor(private readonly prices: Prices) {
    for (const workflow of BUILT_IN_WORKFLOWS) this.add(workflow);
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

  /** What a ComfyUI that offers `info` lacks, for each workflow. */
  capabilitiesOf(info: ObjectInfo): Record<string, Capability> {
    return Object.fromEntries(
      this.all().map((workflow) => [
        workflow.id,
        { missing: missingFor(this.probeGraph(workflow), info) },
      ]),
    );
  }

  /** A graph as a job of this workflow would have it, to compare with what an instance offers. */
  private probeGraph(workflow: Workflow): Graph {
    const images = Object.fromEntries(workflow.inputs.map((input) => [input.role, 'probe.png']));
    return workflow.build(probeParameters(workflow), { images, filenamePrefix: 'probe' });
  }

  private add(workflow: Workflow): void {
    this.byId.set(workflow.id, workflow);
    this.prices.declare(workflow.id, workflow.defaultCredits);
  }
}
