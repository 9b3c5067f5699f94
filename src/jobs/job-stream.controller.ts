import { Controller, Get, Headers, Post, HttpCode, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiQuery,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPerson, type Person } from '../auth/index.js';
import { Access, Database, IdParam, Shutdown } from '../platform/index.js';
import { StreamTokenView } from './job.dto.js';
import { isTerminal, JOB_STATUSES } from './job.js';
import { JobStreams, type JobEvent } from './job-streams.js';
import { JobTokens } from './job-tokens.js';
import { JobViews } from './job-views.js';
import { Jobs } from './jobs.service.js';
import { jobError } from './jobs.errors.js';

const HEARTBEAT_MS = 15_000;
/** When a stream is broken off by a stop of this process, its client comes back after so long. */
const RECONNECT_MS = 500;

/** Live progress of a job over server-sent events, and its latest preview. */
@ApiTags('Jobs')
@ApiBearerAuth()
@Controller('v1/jobs')
export class JobStreamController {
  constructor(
    private readonly jobs: Jobs,
    private readonly streams: JobStreams,
    private readonly views: JobViews,
    private readonly tokens: JobTokens,
    private readonly database: Database,
    private readonly shutdown: Shutdown,
  ) {}

  @Post(':id/stream-token')
  @Access('user')
  @ApiOperation({ summary: 'A 60 s token for /events of this job, for a browser’s EventSource' })
  @ApiCreatedResponse({ type: StreamTokenView })
  async streamToken(
    @CurrentPerson() person: Person,
    @IdParam() id: string,
  ): Promise<StreamTokenView> {
    await this.jobs.get(person.id, id);
    return this.tokens.issue('job-stream', id);
  }

  @Get(':id/events')
  @Access('stream')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Follow a job: `snapshot`, then `progress`, `preview` and `status` until it ends',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Resume after this id' })
  @ApiQuery({ name: 'token', required: false, description: 'A stream token instead of the header' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({
    description: 'Server-sent events with rising ids; this is the data of each',
    schema: {
      type: 'object',
      properties: {
        status: { type: 'string', enum: [...JOB_STATUSES] },
        percent: { type: 'number' },
        step: { type: 'string', nullable: true },
      },
      additionalProperties: true,
    },
  })
  @ApiNoContentResponse({ description: 'The job has ended and its last event was delivered' })
  async events(
    @CurrentPerson() person: Person,
    @IdParam() id: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const job = await this.jobs.get(person.id, id);
    const resumeAfter =
      lastEventId !== undefined && /^\d{1,9}$/.test(lastEventId) ? Number(lastEventId) : undefined;
    const state = await this.streams.stateOf(id);
    if (!state) throw jobError('jobs.not_found', 'No job of yours has this id.');
    if (
      resumeAfter !== undefined &&
      resumeAfter >= state.eventSequence &&
      isTerminal(state.status)
    ) {
      response.status(204).end();
      return;
    }
    const left = new AbortController();
    request.on('close', () => left.abort());
    const closed = AbortSignal.any([left.signal, this.shutdown.signal]);
    response.status(200).set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      Connection: 'keep-alive',
      'X-Accel-Buffering': 'no',
    });
    response.flushHeaders();
    let last = resumeAfter ?? 0;
    if (resumeAfter === undefined || !(await this.streams.canResume(id, resumeAfter))) {
      // The terminal event itself is always sent as an event, also to those who come late.
      last = isTerminal(state.status) ? state.eventSequence - 1 : state.eventSequence;
      this.write(response, 'snapshot', last, await this.views.of({ job, files: [] }));
    }
    await this.follow(id, last, response, closed);
  }

  @Get(':id/preview')
  @Access('stream')
  @ApiOperation({ summary: 'The latest preview picture while the job runs' })
  @ApiQuery({ name: 'token', required: false })
  @ApiProduces('image/jpeg', 'image/png')
  @ApiOkResponse({ schema: { type: 'string', format: 'binary' } })
  @ApiNotFoundResponse({ description: '`jobs.no_preview` before the first' })
  async preview(
    @CurrentPerson() person: Person,
    @IdParam() id: string,
    @Res() response: Response,
  ): Promise<void> {
    await this.jobs.get(person.id, id);
    const row = await this.database.one<{ mimeType: string; bytes: Buffer }>(
      'SELECT mime_type AS "mimeType", bytes FROM job_previews WHERE job_id = $1',
      [id],
    );
    if (!row)
      throw jobError(
        'jobs.no_preview',
        'There is no preview picture yet; ask again while the job runs.',
      );
    response
      .set({
        'Content-Type': row.mimeType,
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
      })
      .send(row.bytes);
  }

  private async follow(
    id: string,
    from: number,
    response: Response,
    closed: AbortSignal,
  ): Promise<void> {
    let last = from;
    let lastWrite = Date.now();
    while (!closed.aborted) {
      const nudged = this.streams.nudge(id, closed);
      for (const event of await this.streams.eventsAfter(id, last)) {
        this.write(response, event.type, event.id, this.dataOf(id, event));
        last = event.id;
        lastWrite = Date.now();
        if (event.type === 'status' && isTerminalEvent(event)) {
          response.end();
          return;
        }
      }
      if (Date.now() - lastWrite > HEARTBEAT_MS) {
        response.write(': still here\n\n');
        lastWrite = Date.now();
      }
      await nudged;
    }
    // This process stops: another goes on where the last event left off.
    if (!response.closed) response.end(`retry: ${RECONNECT_MS}\n\n`);
  }

  private dataOf(jobId: string, event: JobEvent): object {
    return event.type === 'preview' ? { previewUrl: this.views.previewUrl(jobId) } : event.data;
  }

  private write(response: Response, type: string, id: number, data: object): void {
    response.write(`event: ${type}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
  }
}

const isTerminalEvent = (event: JobEvent): boolean => {
  const status = event.data['status'];
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
};
