import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import type { Person } from '../people/person.js';

/** Finds the person a request may act as, from something other than the Authorization header. */
export type StreamCheck = (request: Request) => Promise<Person | undefined>;

/**
 * Lets another module admit requests to routes with `@Access('stream')` by a token of its own, such
 * as `?token=` on an event stream. Asked only when the request carries no Authorization header.
 */
@Injectable()
export class StreamAccess {
  private check: StreamCheck | undefined;

  /** One check in the product; call it while the application starts. */
  register(check: StreamCheck): void {
    if (this.check) throw new Error('A second module registered a stream check.');
    this.check = check;
  }

  async findPerson(request: Request): Promise<Person | undefined> {
    return this.check?.(request);
  }
}
