import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Person } from '../auth/index.js';
import { JobOrders, type JobView } from '../jobs/index.js';
import { isUuid, validationFailed } from '../platform/index.js';
import { Files } from '../storage/index.js';
import { Catalogue } from './catalogue.service.js';
import { capabilityKey, capabilityKeys } from './workflows/capability.js';
import { checkParameters } from './workflows/parameters.js';
import type { Parameters, Workflow } from './workflows/workflow.js';
import { Workflows } from './workflows.service.js';

interface Ordered {
  readonly parameters: Parameters;
  readonly inputs: readonly { readonly role: string; readonly fileId: string }[];
  /** What was sent, to tell a repeat: a random seed differs in each order. */
  readonly sent: unknown;
}

/** Generations as persons order them. */
@Injectable()
export class Comfy {
  constructor(
    private readonly workflows: Workflows,
    private readonly catalogue: Catalogue,
    private readonly orders: JobOrders,
    private readonly files: Files,
  ) {}

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
    // Before a picture is read in; what was chosen is known only after.
    await this.catalogue.requireAny(
      workflow,
      capabilityKeys(workflow).map(({ key }) => key),
    );
    const { parameters, inputs, sent } = request.is('multipart/form-data')
      ? await this.readForm(request, person, workflow)
      : this.readJson(request, workflow);
    const capability = capabilityKey(workflow, parameters);
    await this.catalogue.requireAny(workflow, [capability]);
    const order = {
      kind: 'comfy' as const,
      workflow: workflow.id,
      capability,
      title: workflow.title,
      parameters,
      inputs,
    };
    return this.orders.place(request, response, person, order, sent);
  }

  private readJson(request: Request, workflow: Workflow): Ordered {
    const body: unknown = request.body;
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw validationFailed([
        { path: 'body', message: 'must be a JSON object or multipart/form-data' },
      ]);
    }
    const fields: Record<string, unknown> = { ...body };
    const inputs = this.takeInputs(fields, workflow, new Map());
    return { parameters: this.check(workflow, fields, 'json'), inputs, sent: body };
  }

  private async readForm(request: Request, person: Person, workflow: Workflow): Promise<Ordered> {
    const { file, fields, sourceSha256 } = await this.files.receive(request, person, {
      field: 'image',
    });
    const saved = new Map(file ? [['image', file.id]] : []);
    const rest: Record<string, unknown> = { ...fields };
    const inputs = this.takeInputs(rest, workflow, saved);
    const parameters = this.check(workflow, rest, 'form');
    return { parameters, inputs, sent: { ...fields, image: sourceSha256 } };
  }

  /** Takes the file ids out of `fields`, which then holds parameters alone. */
  private takeInputs(
    fields: Record<string, unknown>,
    workflow: Workflow,
    saved: ReadonlyMap<string, string>,
  ): Ordered['inputs'] {
    const inputs: { role: string; fileId: string }[] = [];
    for (const { role, field, isRequired } of workflow.inputs) {
      const given = saved.get(role) ?? fields[field];
      delete fields[field];
      // A form that is left empty in Swagger UI sends empty texts.
      if (!isRequired && (given === undefined || given === '')) continue;
      if (typeof given !== 'string' || !isUuid(given.toLowerCase())) {
        throw validationFailed([
          {
            path: field,
            message:
              role === 'image'
                ? 'must be the id of a saved file, or send the picture itself as image'
                : 'must be the id of a saved file',
          },
        ]);
      }
      // Whether the person has it is asked where the job is made.
      inputs.push({ role, fileId: given.toLowerCase() });
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
