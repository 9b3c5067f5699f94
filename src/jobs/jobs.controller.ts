import { Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { CurrentPerson, type Person } from '../auth/index.js';
import { Access, Ahead, IdParam, ReadAhead } from '../platform/index.js';
import { JobPage, JobsQuery, JobView } from './job.dto.js';
import { Jobs, type Reading } from './jobs.service.js';

/** A person's own jobs. */
@ApiTags('Jobs')
@ApiBearerAuth()
@Access('user')
@Controller('v1/jobs')
export class JobsController {
  constructor(private readonly jobs: Jobs) {}

  @Get()
  @ApiOperation({ summary: 'Your jobs, newest first' })
  @ApiOkResponse({ type: JobPage })
  list(@CurrentPerson() person: Person, @Query() query: JobsQuery): Promise<JobPage> {
    return this.jobs.list(person.id, query);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One job: status, progress, place in the queue, results' })
  @ApiOkResponse({ type: JobView })
  @ApiNotFoundResponse({ description: '`jobs.not_found`' })
  @ReadAhead(Jobs)
  get(
    @CurrentPerson() person: Person,
    @IdParam() _id: string,
    @Ahead() reading: Reading,
  ): Promise<JobView> {
    return this.jobs.getView(person.id, reading);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Stop a job: at once while it waits, soon while it runs; nothing is charged',
  })
  @ApiOkResponse({ type: JobView })
  @ApiConflictResponse({ description: '`jobs.already_finished`' })
  cancel(@CurrentPerson() person: Person, @IdParam() id: string): Promise<JobView> {
    return this.jobs.cancel(person.id, id);
  }
}
