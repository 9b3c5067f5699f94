import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Person } from '../auth/index.js';
import { Config } from '../config/index.js';
import { Prices } from '../credits/index.js';
import { JobOrders, type JobOrder, type JobView } from '../jobs/index.js';
import { validationFailed } from '../platform/index.js';
import type { ModelOptions } from './providers/provider.js';
import { optionFaults } from './providers/tripo/tripo-options.js';
import { TOOL_KINDS, type Tool, type ToolId } from './tool.js';
import { Toolbox } from './toolbox.js';
import type { ModelOrder, ToolView, TryOnOrder } from './tools.dto.js';
import { toolError } from './tools.errors.js';

const DEFAULT_STEPS = 30;
const MAX_SEED = 2_147_483_647;

/** Tools as persons order them. */
@Injectable()
export class Tools {
  constructor(
    private readonly toolbox: Toolbox,
    private readonly orders: JobOrders,
    private readonly prices: Prices,
    private readonly config: Config,
  ) {}

  catalogue(): ToolView[] {
    return TOOL_KINDS.map(({ id, title, description, licence, setUpWith }) => {
      const tool = this.toolbox.find(id);
      return {
        id,
        title,
        description,
        credits: this.prices.of(id),
        ready: tool !== undefined,
        provider: tool?.provider.name ?? null,
        reason: tool ? null : `not set up; the operator sets ${setUpWith}`,
        licence,
        maskNeededFor: id === 'try-ons' ? [...(this.toolbox.tryOn?.needsMaskFor ?? [])] : [],
      };
    });
  }

  /** Throws tools.not_configured, http.validation_failed, files.not_found, credits.insufficient. */
  orderModel(
    request: Request,
    response: Response,
    person: Person,
    order: ModelOrder,
  ): Promise<JobView> {
    const tool = this.require('models-3d');
    const { imageId, ...fields } = order;
    const { modelVersion = this.config.tools.tripo.modelVersion, ...more } = fields;
    // A field that was left out is there as undefined, which is not what the job's parameters are.
    const given = Object.entries(more).filter(([, value]) => value !== undefined);
    const options: ModelOptions = { modelVersion, ...Object.fromEntries(given) };
    const faults = optionFaults(options);
    if (faults.length > 0) throw validationFailed(faults);
    const inputs = [{ role: 'image', fileId: imageId }];
    return this.place(request, response, person, tool, { ...options }, inputs);
  }

  /** Throws as {@link orderModel}. */
  orderTryOn(
    request: Request,
    response: Response,
    person: Person,
    order: TryOnOrder,
  ): Promise<JobView> {
    const tool = this.require('try-ons');
    const category = order.category ?? 'upper_body';
    if (order.maskImageId === undefined && this.toolbox.tryOn?.needsMaskFor.includes(category)) {
      const message = `is needed for ${category}: this server's provider finds the upper body only`;
      throw validationFailed([{ path: 'maskImageId', message }]);
    }
    const parameters = {
      description: order.description,
      category,
      steps: order.steps ?? DEFAULT_STEPS,
      // A provider takes it as it is: −1 would not be random there.
      seed: order.seed ?? randomInt(MAX_SEED),
    };
    const inputs = [
      { role: 'person', fileId: order.personImageId },
      { role: 'garment', fileId: order.garmentImageId },
      ...(order.maskImageId === undefined ? [] : [{ role: 'mask', fileId: order.maskImageId }]),
    ];
    return this.place(request, response, person, tool, parameters, inputs);
  }

  private place(
    request: Request,
    response: Response,
    person: Person,
    tool: Tool,
    parameters: JobOrder['parameters'],
    inputs: JobOrder['inputs'],
  ): Promise<JobView> {
    const order = {
      kind: 'tool' as const,
      workflow: tool.id,
      title: tool.title,
      parameters,
      inputs,
    };
    return this.orders.place(request, response, person, order, request.body);
  }

  private require(id: ToolId): Tool {
    const tool = this.toolbox.find(id);
    if (tool) return tool;
    throw toolError(
      'tools.not_configured',
      'This tool is not set up on this server; GET /v1/tools lists what is. Nothing was charged.',
    );
  }
}
