import { createServer } from 'node:http';
import type { NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';

/** Who has not sent the headers of a request by then is cut off. */
const HEADERS_MS = 10_000;
/** The same for the whole request: an upload of 25 MB over a slow line takes less. */
const REQUEST_MS = 300_000;
const CHECK_EVERY_MS = 1_000;

/** Express on a server that sockets cannot hold by being slow. */
export class PatientServer extends ExpressAdapter {
  override initHttpServer(options: NestApplicationOptions): void {
    super.initHttpServer(options);
    this.httpServer = createServer(
      {
        headersTimeout: HEADERS_MS,
        requestTimeout: REQUEST_MS,
        connectionsCheckingInterval: CHECK_EVERY_MS,
      },
      this.getInstance(),
    );
  }
}
