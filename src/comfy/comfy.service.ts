import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Person } from '../auth/index.js';
import { Prices } from '../credits/index.js';
import { Instances, JobOrders, type JobView } from '../jobs/index.js';
import { validationFailed } from '../platform/index.js';
import { Files } from '../storage/index.js';
import type { MissingView, WorkflowView } from './comfy.dto.js';
import { comfyError } from './comfy.errors.js';
import { checkParameters, parameterSchema } from './workflows/parameters.js';
import type { Parameters, Workflow } from './workflows/workflow.js';
import { Workflows } from './workflows.service.js';

interface Ordered {
  readonly parameters: Parameters;
  readonly inputs: readonly { readonly role: string; readonly fileId: string }[];
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Generations as persons order them. */
@Injectable()
export class Comfy {
  constructor(
    private readonly workflows: Workflows,
    private readonly instances: Instances,
    private readonly orders: JobOrders,
    private readonly files: Files,
    private readonly prices: Prices,
  ) {}

  /** The catalogue, with what each GPU lacks. */
  async catalogue(): Promise<WorkflowView[]> {
    const instances = await this.instances.all();
    return this.workflows.all().map((workflow) => {
      const missing = instances.flatMap((instance) =>
        (instance.capabilities[workflow.id]?.missing ?? []).map((lack): MissingView => ({
          instance: instance.id,
          kind: lack.kind,
          name: lack.value === undefined ? lack.name : `${lack.name}=${lack.value}`,
        })),
      );
      return {
        id: workflow.id,
        title: workflow.title,
        description: workflow.description,
        parameters: parameterSchema(workflow),
        credits: this.prices.of(workflow.id),
        ready: instances.some(
          (one) => one.state === 'ready' && one.workflows.includes(workflow.id),
        ),
        missing,
      };
    });
  }

  /**
   * Orders a job from a JSON or multipart request. Throws http.validation_failed,
   * comfy.workflow_unavailable, files.not_found, credits.insufficient and the errors of an upload;
   * nothing is charged for any of them.
   */
  async order(
    request: Request,
    response: Response,
    person: Person,
    workflowId: string,
  ): Promise<JobView> {
    const workflow = this.workflows.get(workflowId);
    await this.requireCapable(workflow);
    const { parameters, inputs } = request.is('multipart/form-data')
      ? await this.readForm(request, person, workflow)
      : await this.readJson(request, person, workflow);
    // A random seed differs in each order, so equal requests are told by what was sent.
    const sent: unknown = request.is('multipart/form-data')
      ? { parameters: { ...parameters, seed: null }, inputs }
      : request.body;
    const order = {
      kind: 'comfy' as const,
      workflow: workflow.id,
      title: workflow.title,
      parameters,
      inputs,
    };
    return this.orders.place(request, response, person, order, sent);
  }

  /** 503 only if no GPU has ever shown what is needed; GPUs that are merely down are waited for. */
  private async requireCapable(workflow: Workflow): Promise<void> {
    const instances = await this.instances.all();
    if (instances.some((instance) => instance.everWorkflows.includes(workflow.id))) return;
    const lacks = instances.flatMap(
      (instance) => instance.capabilities[workflow.id]?.missing ?? [],
    );
    const names = [...new Set(lacks.map((lack) => lack.value ?? lack.name))];
    const reason = names.length === 0 ? 'no GPU has been seen yet' : `missing: ${names.join(', ')}`;
    throw comfyError(
      'comfy.workflow_unavailable',
      `No GPU can run ${workflow.id} (${reason}); nothing was charged.`,
      {
        extensions: { missing: names },
        headers: { 'Retry-After': '30' },
      },
    );
  }

  private async readJson(request: Request, person: Person, workflow: Workflow): Promise<Ordered> {
    const body: unknown = request.body;
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw validationFailed([
        { path: 'body', message: 'must be a JSON object or multipart/form-data' },
      ]);
    }
    const fields: Record<string, unknown> = { ...body };
    const inputs = await this.takeInputs(fields, person, workflow, new Map());
    return { parameters: this.check(workflow, fields, 'json'), inputs };
  }

  private async readForm(request: Request, person: Person, workflow: Workflow): Promise<Ordered> {
    const { file, fields } = await this.files.receive(request, person, { field: 'image' });
    const sent = new Map(file ? [['image', file.id]] : []);
    const rest: Record<string, unknown> = { ...fields };
    const inputs = await this.takeInputs(rest, person, workflow, sent);
    return { parameters: this.check(workflow, rest, 'form'), inputs };
  }

  /** Takes the file ids out of `fields`, which then holds parameters alone. */
  private async takeInputs(
    fields: Record<string, unknown>,
    person: Person,
    workflow: Workflow,
    sent: ReadonlyMap<string, string>,
  ): Promise<Ordered['inputs']> {
    const inputs: { role: string; fileId: string }[] = [];
    for (const { role, field, isRequired } of workflow.inputs) {
      const given = sent.get(role) ?? fields[field];
      delete fields[field];
      if (given === undefined && !isRequired) continue;
      if (typeof given !== 'string' || !UUID.test(given)) {
        throw validationFailed([
          { path: field, message: 'must be the id of a saved file, or send the picture itself' },
        ]);
      }
      inputs.push({ role, fileId: (await this.files.getInput(person.id, given)).id });
    }
    return inputs;
  }

  private check(
    workflow: Workflow,
    fields: Record<string, unknown>,
    source: 'json' | 'form',
  ): Parameters {
    const checked = checkParameters(workflow, fields, source);
    if (!checked.ok) throw validationFailed(checked.faults);
    return checked.parameters;
  }
}
