import { applyDecorators, Body, Controller, Get, Post, Req, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
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
import { ModelOrder, ToolList, TryOnOrder } from './tools.dto.js';
import { Tools } from './tools.service.js';

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
    ApiResponse({ status: 402, description: '`credits.insufficient`' }),
    ApiResponse({ status: 404, description: '`files.not_found`' }),
    ApiResponse({ status: 503, description: '`tools.not_configured`' }),
  );

/** Generations by outside services. */
@ApiTags('Tools')
@ApiBearerAuth()
@Access('user')
@Controller('v1/tools')
export class ToolsController {
  constructor(private readonly tools: Tools) {}

  @Get()
  @Access('public')
  @ApiOperation({ summary: 'Every tool with its price and licence, and whether it is set up here' })
  @ApiOkResponse({ type: ToolList })
  list(): ToolList {
    return { items: this.tools.catalogue() };
  }

  @Post('models-3d')
  @Orders('Order a textured 3D model of what a picture shows (Tripo3D)')
  orderModel(
    @CurrentPerson() person: Person,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @Body() order: ModelOrder,
  ): Promise<JobView> {
    return this.tools.orderModel(request, response, person, order);
  }

  @Post('try-ons')
  @Orders('Order a picture of a person who wears a garment (IDM-VTON)')
  orderTryOn(
    @CurrentPerson() person: Person,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @Body() order: TryOnOrder,
  ): Promise<JobView> {
    return this.tools.orderTryOn(request, response, person, order);
  }
}
