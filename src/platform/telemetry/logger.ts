import { LoggerModule } from 'nestjs-pino';
import { pino } from 'pino';
import { Config } from '../../config/index.js';
import { requestIdOf } from './request-id.js';

const REDACTED = [
  'req.headers.authorization',
  'req.headers.cookie',
  'req.headers["idempotency-key"]',
  'res.headers["set-cookie"]',
];

/** Query values that open something: stream tokens, signatures, one-time codes. */
const redactUrl = (url: string): string =>
  url.replace(/([?&](?:token|signature|code|state)=)[^&]*/g, '$1[redacted]');

/** A write for each line would cost more than the line. A crash takes the last lines with it, a stop none. */
const TOGETHER = { sync: false, minLength: 8_192, periodicFlush: 100 };

/** JSON lines with the request's id; secrets are redacted. Goes to LOG_FILE or standard output. */
export const loggerModule = () =>
  LoggerModule.forRootAsync({
    inject: [Config],
    useFactory: (config: Config) => ({
      pinoHttp: {
        logger: pino(
          { level: config.process.logLevel, redact: { paths: REDACTED, censor: '[redacted]' } },
          pino.destination({ dest: config.process.logFile ?? 1, mkdir: true, ...TOGETHER }),
        ),
        genReqId: requestIdOf,
        autoLogging: { ignore: (request) => /^\/(health|metrics)/.test(request.url ?? '') },
        serializers: {
          req: (request: { id: string; method: string; url: string }) => ({
            id: request.id,
            method: request.method,
            url: redactUrl(request.url),
          }),
          res: (response: { statusCode: number }) => ({ statusCode: response.statusCode }),
        },
      },
    }),
  });
