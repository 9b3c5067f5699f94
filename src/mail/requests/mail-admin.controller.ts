import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiConflictResponse,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { Access, IdParam } from '../../platform/index.js';
import { Suppressions } from '../feedback/suppressions.js';
import { AdminEmailPage, AdminEmailView, EmailsQuery, SuppressionList } from './mail-admin.dto.js';
import { MailAdmin } from './mail-admin.service.js';

const MOST_ADDRESSES = 500;

/** Mails and suppressed addresses, for operators. */
@ApiTags('Admin')
@ApiBearerAuth()
@Access('admin')
@Controller('v1/admin')
export class MailAdminController {
  constructor(
    private readonly mails: MailAdmin,
    private readonly suppressions: Suppressions,
  ) {}

  @Get('emails')
  @ApiOperation({ summary: 'Mails of everybody, newest first' })
  @ApiOkResponse({ type: AdminEmailPage })
  list(@Query() query: EmailsQuery): Promise<AdminEmailPage> {
    return this.mails.list(query);
  }

  @Post('emails/:id/replay')
  @HttpCode(200)
  @ApiOperation({ summary: 'Try a mail again that was given up' })
  @ApiOkResponse({ type: AdminEmailView })
  @ApiNotFoundResponse({ description: '`mail.not_found`' })
  @ApiConflictResponse({ description: '`mail.already_ended`' })
  replay(@IdParam() id: string): Promise<AdminEmailView> {
    return this.mails.replay(id);
  }

  @Get('suppressed-addresses')
  @ApiOperation({
    summary: 'Addresses that get no mails: theirs came back, or the reader complained',
  })
  @ApiOkResponse({ type: SuppressionList })
  async suppressed(): Promise<SuppressionList> {
    return { items: await this.suppressions.list(MOST_ADDRESSES) };
  }

  @Delete('suppressed-addresses/:address')
  @HttpCode(204)
  @ApiOperation({ summary: 'Let mails go to an address again' })
  @ApiNoContentResponse()
  @ApiNotFoundResponse({ description: '`mail.not_found`' })
  lift(@Param('address') address: string): Promise<void> {
    return this.suppressions.lift(address);
  }
}
