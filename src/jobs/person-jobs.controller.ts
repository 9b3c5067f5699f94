import { Controller, Get, Query } from '@nestjs/common';
import {
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { People } from '../auth/index.js';
import { Access, IdParam } from '../platform/index.js';
import { JobPage, JobsQuery } from './job.dto.js';
import { Jobs } from './jobs.service.js';

/** An admin looks at a person's jobs, as the person sees them. */
@ApiTags('Admin')
@Access('admin')
@Controller('v1/admin/users')
export class PersonJobsController {
  constructor(
    private readonly jobs: Jobs,
    private readonly people: People,
  ) {}

  @ApiOperation({ summary: "A person's jobs, newest first" })
  @ApiParam({ name: 'id', format: 'uuid', example: '3f6c1f0e-5d0a-4a43-9c39-6a2f6b1d2c11' })
  @ApiOkResponse({ type: JobPage })
  @ApiNotFoundResponse({ description: '`auth.person_not_found`' })
  @Get(':id/jobs')
  async listJobsOfPerson(@IdParam() id: string, @Query() query: JobsQuery): Promise<JobPage> {
    const person = await this.people.get(id);
    return this.jobs.list(person.id, query);
  }
}
