import { Body, Controller, Get, Headers, HttpCode, Post } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiConflictResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  ApiTooManyRequestsResponse,
} from '@nestjs/swagger';
import { CurrentPerson, type Person } from '../../auth/index.js';
import { Access, IdParam } from '../../platform/index.js';
import { EmailList, SendEmailsRequest } from './job-emails.dto.js';
import { JobEmails } from './job-emails.service.js';

/** Results by mail. */
@ApiTags('Jobs')
@ApiBearerAuth()
@Access('user')
@Controller('v1/jobs/:id/emails')
export class JobEmailsController {
  constructor(private readonly jobEmails: JobEmails) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'Mail the results again, or to others' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, schema: { maxLength: 255 } })
  @ApiAcceptedResponse({ type: EmailList })
  @ApiNotFoundResponse({ description: '`jobs.not_found`' })
  @ApiConflictResponse({ description: '`mail.job_not_succeeded`' })
  @ApiTooManyRequestsResponse({ description: '`mail.daily_limit`' })
  async send(
    @CurrentPerson() person: Person,
    @IdParam() id: string,
    @Body() body: SendEmailsRequest,
    @Headers('idempotency-key') key?: string,
  ): Promise<EmailList> {
    return { items: await this.jobEmails.send(person.id, id, body, key) };
  }

  @Get()
  @ApiOperation({ summary: 'The mails about a job and what became of them' })
  @ApiOkResponse({ type: EmailList })
  @ApiNotFoundResponse({ description: '`jobs.not_found`' })
  async list(@CurrentPerson() person: Person, @IdParam() id: string): Promise<EmailList> {
    return { items: await this.jobEmails.of(person.id, id) };
  }
}
