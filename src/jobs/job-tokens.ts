import { createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';

export type TokenPurpose = 'job-stream' | 'job-preview';

export const STREAM_TOKEN_SECONDS = 60;
const PREVIEW_TOKEN_SECONDS = 3_600;

/**
 * Short signed tokens for one job, for what a browser fetches without a header: `expires.signature`.
 * They name nobody; whoever holds one may read that job's stream or preview until it expires.
 */
@Injectable()
export class JobTokens {
  constructor(private readonly config: Config) {}

  issue(purpose: TokenPurpose, jobId: string): { token: string; expiresAt: Date } {
    const lifetime = purpose === 'job-stream' ? STREAM_TOKEN_SECONDS : PREVIEW_TOKEN_SECONDS;
    const expires = Math.floor(Date.now() / 1_000) + lifetime;
    return {
      token: `${expires}.${this.sign(purpose, jobId, expires)}`,
      expiresAt: new Date(expires * 1_000),
    };
  }

  isValid(purpose: TokenPurpose, jobId: string, token: string): boolean {
    const [time = '', signature = ''] = token.split('.');
    const expires = Number(time);
    if (!Number.isSafeInteger(expires) || expires * 1_000 < Date.now()) return false;
    const expected = Buffer.from(this.sign(purpose, jobId, expires));
    const given = Buffer.from(signature);
    return expected.length === given.length && timingSafeEqual(expected, given);
  }

  private sign(purpose: TokenPurpose, jobId: string, expires: number): string {
    return createHmac('sha256', this.config.links.key)
      .update(`${purpose}|${jobId}|${expires}`)
      .digest('base64url');
  }
}
