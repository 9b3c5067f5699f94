import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { Callers } from './callers.service.js';
import type { Caller } from './current-person.js';

/** Well within the minute after which a suspended or erased person is out everywhere. */
const LOOK_EVERY_MS = 20_000;

/**
 * Answers that stay open: event streams and held answers. The guard looks at the caller once, when a
 * request comes; here they are looked at again for as long as the answer lasts.
 */
@Injectable()
export class OpenResponses {
  constructor(private readonly callers: Callers) {}

  /** Cuts the connection once the person is suspended or erased, or the session or API key has ended. */
  watch(response: Response, caller: Caller, everyMs = LOOK_EVERY_MS): void {
    const timer = setInterval(() => {
      this.callers.isIn(caller).then(
        (isIn) => isIn || response.destroy(),
        // The database is away; the next look decides.
        () => undefined,
      );
    }, everyMs).unref();
    response.once('close', () => clearInterval(timer));
  }
}
