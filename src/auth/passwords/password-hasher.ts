import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import argon2 from 'argon2';
import pLimit from 'p-limit';
import { authError } from '../auth.errors.js';

/** OWASP's smallest Argon2id: 19 MiB, two passes, one lane. */
const STRENGTH = {
  type: argon2.argon2id,
  memoryCost: 19 * 1024,
  timeCost: 2,
  parallelism: 1,
} as const;

/** Half of libuv's four threads: file and name look-ups always find a free one. */
const AT_ONCE = 2;
/** About a second of work; who comes later is told to come back. */
const MAX_WAITING = 64;

/**
 * Argon2id with bounded work, so that logins cannot starve the API: two at once, 64 waiting, then
 * auth.busy (503).
 */
@Injectable()
export class PasswordHasher {
  private readonly limit = pLimit(AT_ONCE);
  /** Checked when there is no password to check, so that both cases cost the same. */
  private readonly decoy = this.hash(randomBytes(24).toString('base64'));

  hash(password: string): Promise<string> {
    return this.run(() => argon2.hash(password, STRENGTH));
  }

  /** Undefined `hash`: false, after exactly the same work. */
  async matches(hash: string | null | undefined, password: string): Promise<boolean> {
    const compared = hash ?? (await this.decoy);
    const isEqual = await this.run(() => argon2.verify(compared, password));
    return isEqual && typeof hash === 'string';
  }

  /** True when the hash was made with weaker settings than today's. */
  isOutdated(hash: string): boolean {
    return argon2.needsRehash(hash, STRENGTH);
  }

  private run<T>(work: () => Promise<T>): Promise<T> {
    if (this.limit.pendingCount >= MAX_WAITING) {
      return Promise.reject(
        authError('auth.busy', 'Many people are logging in; try again in a moment.', {
          headers: { 'Retry-After': '2' },
        }),
      );
    }
    return this.limit(work);
  }
}
