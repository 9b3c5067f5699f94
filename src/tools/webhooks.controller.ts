import {
  Body,
  Controller,
  Headers,
  HttpCode,
  Post,
  Req,
  type RawBodyRequest,
} from '@nestjs/common';
import {
  ApiHeader,
  ApiNoContentResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { Request } from 'express';
import { Config } from '../config/index.js';
import { Access, network, Notifications, RateLimit } from '../platform/index.js';
import { isSigned, readWebhook } from './providers/tripo/tripo-webhook.js';
import { BALANCE_MOVED, TOOL_WAKE_CHANNEL } from './tool-wake.js';
import { toolError } from './tools.errors.js';

/** Ids that are safe and short enough for a NOTIFY. */
const TASK_ID = /^[\w-]{1,100}$/;

/**
 * Where providers say that a task has moved. Nothing of what they say is believed: it only makes the
 * workers look now. So a webhook that is lost, doubled, late or early changes nothing but the time.
 */
@ApiTags('Tools')
@Access('public')
@Controller('v1/tools/webhooks')
export class WebhooksController {
  constructor(
    private readonly config: Config,
    private readonly notifications: Notifications,
  ) {}

  @Post('tripo')
  @HttpCode(204)
  @RateLimit({ name: 'tool-webhooks', quota: 600, windowSeconds: 60, per: network })
  @ApiOperation({
    summary: 'Called by Tripo3D when a task ends; signed with TRIPO_WEBHOOK_SECRETS',
  })
  @ApiHeader({ name: 'Tripo-Webhook-Signature', required: true, example: 't=1800000000,v1=5f0c…' })
  @ApiNoContentResponse({ description: 'Heard' })
  @ApiResponse({ status: 403, description: '`tools.webhook_refused`' })
  @ApiResponse({ status: 503, description: '`tools.not_configured`' })
  async tripo(
    @Req() request: RawBodyRequest<Request>,
    @Headers('tripo-webhook-signature') header: string | undefined,
    @Body() body: unknown,
  ): Promise<void> {
    const { webhookSecrets } = this.config.tools.tripo;
    if (webhookSecrets.length === 0) {
      throw toolError('tools.not_configured', 'TRIPO_WEBHOOK_SECRETS is not set on this server.');
    }
    const signed = { header: header ?? '', body: request.rawBody ?? Buffer.alloc(0) };
    if (!isSigned(signed, webhookSecrets)) {
      throw toolError('tools.webhook_refused', 'The signature is missing, wrong or too old.');
    }
    const { type, taskId = '' } = readWebhook(body);
    const payload = TASK_ID.test(taskId) ? taskId : '';
    await this.notifications.notify(
      TOOL_WAKE_CHANNEL,
      type.startsWith('balance.') ? BALANCE_MOVED : payload,
    );
  }
}
