import { Controller, Headers, HttpCode, Post, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiConflictResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOperation,
  ApiPaymentRequiredResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPerson, type Person } from '../auth/index.js';
import { Access, Idempotency, IdParam } from '../platform/index.js';
import { JobView } from './job.dto.js';
import { JobRetries } from './job-retries.js';
import { Jobs } from './jobs.service.js';

/** What admins do about the jobs of others. */
@ApiTags('Admin')
@Access('admin')
@Controller('v1/admin/jobs')
export class JobsAdminController {
  constructor(
    private readonly retries: JobRetries,
    private readonly idempotency: Idempotency,
    private readonly jobs: Jobs,
  ) {}

  @Post(':id/retry')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Order a failed or cancelled job again for its owner',
    description:
      'The ended job stays as it is; the answer is a new job with the same parameters and pictures, which names the old one in `retryOf`. Its price is held on the owner’s account again.',
  })
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @ApiAcceptedResponse({ type: JobView })
  @ApiNotFoundResponse({ description: '`jobs.not_found`' })
  @ApiConflictResponse({ description: '`jobs.not_retryable`, `jobs.already_retried`' })
  @ApiPaymentRequiredResponse({
    description: '`credits.insufficient`: the owner has too few credits',
  })
  async retry(
    @CurrentPerson() admin: Person,
    @IdParam() id: string,
    @Headers('idempotency-key') key: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<JobView> {
    const { resourceId } = await this.idempotency.once(
      { userId: admin.id, key, route: 'POST /v1/admin/jobs/{id}/retry', body: { jobId: id } },
      async () => ({ status: 202, resourceId: await this.retries.retry(id) }),
    );
    response.location(`/v1/jobs/${resourceId}`);
    return this.jobs.viewOf(resourceId);
  }
}
