import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { People, StreamAccess, type Person } from '../auth/index.js';
import { JobTokens } from './job-tokens.js';
import { Jobs } from './jobs.service.js';

const ROUTE = /^\/v1\/jobs\/([0-9a-f-]{36})\/(events|preview)$/;

/**
 * Lets the holder of a token for one job's stream or preview in as the job's owner: a browser's
 * EventSource and `<img>` send no header.
 */
@Injectable()
export class JobVisitors {
  constructor(
    access: StreamAccess,
    private readonly tokens: JobTokens,
    private readonly jobs: Jobs,
    private readonly people: People,
  ) {
    access.register((request) => this.recognize(request));
  }

  private async recognize(request: Request): Promise<Person | undefined> {
    const [, jobId, kind] = ROUTE.exec(request.path) ?? [];
    const { token } = request.query;
    if (!jobId || typeof token !== 'string') return undefined;
    const purpose = kind === 'events' ? 'job-stream' : 'job-preview';
    if (!this.tokens.isValid(purpose, jobId, token)) return undefined;
    const job = await this.jobs.find(jobId);
    return job && this.people.get(job.userId);
  }
}
