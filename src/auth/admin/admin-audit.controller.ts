import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access, toPage } from '../../platform/index.js';
import { AuditListView, AuditQuery, toAuditEventView } from './admin.dto.js';
import { Administration } from './admin.service.js';

@ApiTags('Admin')
@Access('admin')
@Controller('v1/admin/audit-events')
export class AdminAuditController {
  constructor(private readonly administration: Administration) {}

  @ApiOperation({ summary: 'Security events, newest first' })
  @ApiOkResponse({ type: AuditListView })
  @Get()
  async listAuditEvents(@Query() query: AuditQuery): Promise<AuditListView> {
    return toPage(await this.administration.events(query), query.limit, toAuditEventView);
  }
}
