import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type BeforeApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import { Config } from '../../config/index.js';

/**
 * How long clients and load balancers have to notice; what still hangs on then is cut off. Node tells
 * clients that an idle connection lives 5 s; those that heed it leave a second earlier, by themselves.
 */
const DRAIN_MS = 4_500;
/** An API takes requests for so long in any case: some are on their way to it before they are seen. */
const API_DRAIN_MS = 1_000;
/** What has begun by then may take so long in all: a stop ends within 10 s. */
const CUT_AFTER_MS = 7_500;
const LOOK_MS = 25;

/**
 * The graceful end of this process. From {@link begin} on, `signal` is aborted: the process is not
 * ready, what holds answers open lets go of them, and each answer asks its client to connect anew,
 * while requests are still served. A stop without `begin` skips the wait for the clients.
 */
@Injectable()
export class Shutdown implements OnModuleDestroy, BeforeApplicationShutdown {
  private readonly controller = new AbortController();
  private drained: Promise<void> | undefined;

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly config: Config,
  ) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Call before closing the application. A repeat changes nothing. */
  begin(): void {
    this.controller.abort();
    this.drained ??= this.drain();
  }

  /** Middleware: an answer after the beginning of the stop is the last on its connection. */
  readonly leaveConnections = (_: Request, response: Response, next: NextFunction): void => {
    if (this.signal.aborted) response.set('Connection', 'close');
    next();
  };

  onModuleDestroy(): void {
    this.controller.abort();
    const server = this.host.httpAdapter.getHttpServer() as Server;
    setTimeout(() => server.closeAllConnections(), CUT_AFTER_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.drained;
  }

  /**
   * A connection that is closed while a request is on its way makes that request fail, so all are
   * given the time to end at their clients' side or with an answer.
   */
  private async drain(): Promise<void> {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    const begun = performance.now();
    const leastMs = this.config.process.roles.includes('api') ? API_DRAIN_MS : 0;
    for (;;) {
      const passedMs = performance.now() - begun;
      if (passedMs >= DRAIN_MS) return;
      if (passedMs >= leastMs && (await connectionsOf(server)) === 0) return;
      await pause(LOOK_MS);
    }
  }
}

const connectionsOf = (server: Server): Promise<number> =>
  new Promise((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)));
