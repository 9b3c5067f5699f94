import { applyDecorators, Controller, Get, Param, Post, Req, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPerson, type Person } from '../auth/index.js';
import { JobView } from '../jobs/index.js';
import { Access } from '../platform/index.js';
import { Catalogue } from './catalogue.service.js';
import { BackgroundList, WorkflowList } from './comfy.dto.js';
import { Comfy } from './comfy.service.js';

/**
 * The documentation that every ordering route shares. The bodies come from the workflows themselves
 * (workflow-docs.ts), because they depend on the configuration.
 */
const Orders = (summary: string) =>
  applyDecorators(
    ApiOperation({ summary }),
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
    ApiAcceptedResponse({ type: JobView, description: 'Queued; `Location` is the job' }),
    ApiOkResponse({ type: JobView, description: 'With `Prefer: wait`: the job has ended' }),
    ApiResponse({ status: 400, description: '`http.validation_failed`, naming each wrong field' }),
    ApiResponse({ status: 402, description: '`credits.insufficient`' }),
    ApiResponse({ status: 404, description: '`files.not_found`, for files of others too' }),
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
  constructor(
    private readonly comfy: Comfy,
    private readonly catalogue: Catalogue,
  ) {}

  @Get('workflows')
  @Access('public')
  @ApiOperation({
    summary: 'Every workflow, its parameters and price, and whether a GPU can run it',
  })
  @ApiOkResponse({ type: WorkflowList })
  async workflows(): Promise<WorkflowList> {
    return { items: await this.catalogue.list() };
  }

  @Get('backgrounds')
  @Access('public')
  @ApiOperation({ summary: 'The trained backgrounds that `background` chooses from' })
  @ApiOkResponse({ type: BackgroundList })
  backgrounds(): BackgroundList {
    return { items: this.catalogue.backgrounds() };
  }

  @Post('apparel-shoots')
  @Orders('Show a worn garment on another person in another place')
  orderApparelShoot(
    @CurrentPerson() person: Person,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobView> {
    return this.comfy.order(request, response, person, 'apparel-shoots');
  }

  @Post('product-backgrounds')
  @Orders('Put a product in front of a new background')
  orderProductBackground(
    @CurrentPerson() person: Person,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobView> {
    return this.comfy.order(request, response, person, 'product-backgrounds');
  }

  @Post('background-changes')
  @Orders('Move the subject of a picture to another place')
  orderBackgroundChange(
    @CurrentPerson() person: Person,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobView> {
    return this.comfy.order(request, response, person, 'background-changes');
  }

  @Post('turntables')
  @Orders('Turn a product once around, as an animation')
  orderTurntable(
    @CurrentPerson() person: Person,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobView> {
    return this.comfy.order(request, response, person, 'turntables');
  }

  @Post('descriptions')
  @Orders('Describe a picture in words')
  orderDescription(
    @CurrentPerson() person: Person,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobView> {
    return this.comfy.order(request, response, person, 'descriptions');
  }

  @Post('magic-fixes')
  @Orders('Mend what a mask shows, or faces and hands')
  orderMagicFix(
    @CurrentPerson() person: Person,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobView> {
    return this.comfy.order(request, response, person, 'magic-fixes');
  }

  @Post('workflows/:id/jobs')
  @ApiParam({ name: 'id', example: 'product-backgrounds' })
  @Orders('Order any workflow of GET /v1/comfy/workflows')
  orderJob(
    @CurrentPerson() person: Person,
    @Param('id') id: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobView> {
    return this.comfy.order(request, response, person, id);
  }
}
