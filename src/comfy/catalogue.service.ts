import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Prices } from '../credits/index.js';
import { Instances, type Instance, type Lack } from '../jobs/index.js';
import type { BackgroundView, MissingView, WorkflowView } from './comfy.dto.js';
import { comfyError } from './comfy.errors.js';
import { remedyFor } from './workflows/installation.js';
import { parameterSchema } from './workflows/parameters.js';
import type { Workflow } from './workflows/workflow.js';
import { Workflows } from './workflows.service.js';

const nameOf = ({ name, value }: Lack): string => (value === undefined ? name : `${name}=${value}`);

const missingOn = (instance: Instance, workflowId: string): MissingView[] =>
  (instance.capabilities[workflowId]?.missing ?? []).map((lack) => ({
    instance: instance.id,
    kind: lack.kind,
    name: nameOf(lack),
    ...remedyFor(lack),
  }));

/** What this installation offers, and which GPU can run it. */
@Injectable()
export class Catalogue {
  /** What any GPU has shown at any time: it only grows. */
  private readonly everSeen = new Set<string>();

  constructor(
    private readonly workflows: Workflows,
    private readonly instances: Instances,
    private readonly prices: Prices,
    private readonly config: Config,
  ) {}

  /** Every workflow, with what each GPU lacks. */
  async list(): Promise<WorkflowView[]> {
    const instances = await this.instances.all();
    return this.workflows.all().map((workflow) => ({
      id: workflow.id,
      title: workflow.title,
      description: workflow.description,
      inputs: workflow.inputs.map(({ field, isRequired, description }) => ({
        field,
        required: isRequired,
        description,
      })),
      parameters: parameterSchema(workflow),
      outputs: workflow.outputs.map(({ name, type }) => ({ name, type })),
      credits: this.prices.of(workflow.id),
      ready: instances.some((one) => one.state === 'ready' && one.workflows.includes(workflow.id)),
      missing: instances.flatMap((instance) => missingOn(instance, workflow.id)),
    }));
  }

  backgrounds(): BackgroundView[] {
    return this.config.comfy.backgrounds.map(({ id, title, workflows }) => ({
      id,
      title,
      workflows: [...workflows],
    }));
  }

  /**
   * Throws comfy.workflow_unavailable if no GPU has ever shown what one of `capabilities` needs;
   * GPUs that are merely down are waited for.
   */
  async requireAny(workflow: Workflow, capabilities: readonly string[]): Promise<void> {
    if (capabilities.some((key) => this.everSeen.has(key))) return;
    const instances = await this.instances.all();
    for (const key of instances.flatMap((one) => one.everWorkflows)) this.everSeen.add(key);
    if (capabilities.some((key) => this.everSeen.has(key))) return;
    const lacks = instances.flatMap((instance) =>
      capabilities.flatMap((key) => instance.capabilities[key]?.missing ?? []),
    );
    const names = [...new Set(lacks.map((lack) => lack.value ?? lack.name))];
    const reason = names.length === 0 ? 'no GPU has been seen yet' : `missing: ${names.join(', ')}`;
    throw comfyError(
      'comfy.workflow_unavailable',
      `No GPU can run ${workflow.id} (${reason}); nothing was charged.`,
      { extensions: { missing: names }, headers: { 'Retry-After': '30' } },
    );
  }
}
