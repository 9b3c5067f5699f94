import type { Request, Response } from 'express';
import { LoggerModule } from 'nestjs-pino';
import { pino } from 'pino';
import { Config } from '../../config/index.js';
import { requestIdOf } from './request-id.js';

/** Query values that open something: stream tokens, signatures, one-time codes. */
const redactUrl = (url: string): string =>
  url.replace(/([?&](?:token|signature|code|state)=)[^&]*/g, '$1[redacted]');

/** A write for each line would cost more than the line. A crash takes the last lines with it, a stop none. */
const TOGETHER = { sync: false, minLength: 8_192, periodicFlush: 100 };

/**
 * JSON lines with the request's id, to LOG_FILE or standard output. Of a request and its answer they hold what is
 * named here and no header, so that no token, cookie or key is ever in them.
 */
export const loggerModule = () =>
  LoggerModule.forRootAsync({
    inject: [Config],
    useFactory: (config: Config) => ({
      pinoHttp: {
        logger: pino(
          { level: config.process.logLevel },
          pino.destination({ dest: config.process.logFile ?? 1, mkdir: true, ...TOGETHER }),
        ),
        genReqId: requestIdOf,
        autoLogging: { ignore: (request) => /^\/(health|metrics)/.test(request.url ?? '') },
        wrapSerializers: false,
        serializers: {
          req: ({ id, method, originalUrl }: Request) => ({
            id,
            method,
            url: redactUrl(originalUrl),
          }),
          res: ({ statusCode }: Response) => ({ statusCode }),
        },
      },
    }),
  });
