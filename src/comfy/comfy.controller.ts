import { applyDecorators, Controller, Get, Param, Post, Req, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPerson, type Person } from '../auth/index.js';
import { JobView } from '../jobs/index.js';
import { Access } from '../platform/index.js';
import { WorkflowList } from './comfy.dto.js';
import { Comfy } from './comfy.service.js';
import { productBackgrounds } from './workflows/product-backgrounds.js';
import type { Workflow } from './workflows/workflow.js';

/** The documentation that every ordering route shares; bodies come from the workflow itself. */
const Orders = (
  workflow: Pick<Workflow, 'title' | 'inputs' | 'parameters' | 'requiredParameters'>,
) =>
  applyDecorators(
    ApiOperation({ summary: `Order: ${workflow.title}` }),
    ApiConsumes('application/json', 'multipart/form-data'),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'Same key, same body: the same job',
    }),
    ApiHeader({
      name: 'Prefer',
      required: false,
      description: '`wait=30` holds the answer until the job ends',
    }),
    ApiBody({
      schema: {
        type: 'object',
        required: [...workflow.requiredParameters],
        properties: {
          ...Object.fromEntries(
            workflow.inputs.map((input) => [
              input.field,
              { type: 'string', format: 'uuid', description: input.description },
            ]),
          ),
          image: {
            type: 'string',
            format: 'binary',
            description: 'Or the picture itself (multipart)',
          },
          ...(workflow.parameters as Record<string, object>),
        },
      },
    }),
    ApiAcceptedResponse({ type: JobView, description: 'Queued; `Location` is the job' }),
    ApiOkResponse({ type: JobView, description: 'With `Prefer: wait`: the job has ended' }),
    ApiResponse({ status: 402, description: '`credits.insufficient`' }),
    ApiResponse({
      status: 503,
      description: '`comfy.workflow_unavailable`, naming what is missing',
    }),
  );

/** Generations on the GPU. */
@ApiTags('Generations')
@ApiBearerAuth()
@Access('user')
@Controller('v1/comfy')
export class ComfyController {
  constructor(private readonly comfy: Comfy) {}

  @Get('workflows')
  @Access('public')
  @ApiOperation({
    summary: 'Every workflow, its parameters and price, and whether a GPU can run it',
  })
  @ApiOkResponse({ type: WorkflowList })
  async workflows(): Promise<WorkflowList> {
    return { items: await this.comfy.catalogue() };
  }

  @Post('product-backgrounds')
  @Orders(productBackgrounds)
  orderProductBackground(
    @CurrentPerson() person: Person,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobView> {
    return this.comfy.order(request, response, person, productBackgrounds.id);
  }

  @Post('workflows/:id/jobs')
  @Orders({
    title: 'any workflow',
    inputs: productBackgrounds.inputs,
    parameters: {},
    requiredParameters: [],
  })
  orderJob(
    @CurrentPerson() person: Person,
    @Param('id') id: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobView> {
    return this.comfy.order(request, response, person, id);
  }
}
