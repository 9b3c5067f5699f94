import {
  Catch,
  HttpException,
  Logger,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { Config } from '../../config/index.js';
import { DomainError } from './domain-error.js';
import { httpError } from './http-errors.js';

type Identified = Request & { id?: unknown };

const bodyParserType = (error: unknown): string | undefined => {
  const type: unknown = error instanceof Error && 'type' in error ? error.type : undefined;
  return typeof type === 'string' ? type : undefined;
};

/** Errors of Nest, Express and the body parser in the project's own terms. */
const fromHttpException = (error: HttpException): DomainError => {
  const cause: unknown = error.cause ?? error;
  switch (error.getStatus()) {
    case 400:
      return /json/i.test(error.message)
        ? httpError('http.malformed_json', 'The body is not valid JSON; check quotes and commas.', {
            cause,
          })
        : httpError('http.bad_request', error.message, { cause });
    case 401:
      return httpError(
        'http.unauthorized',
        'Send a valid access token as "Authorization: Bearer …".',
      );
    case 403:
      return httpError('http.forbidden', 'This account may not do that.');
    case 404:
      return httpError(
        'http.not_found',
        'There is nothing at this address; see /docs for all of them.',
      );
    case 413:
      return httpError('http.body_too_large', 'The body is larger than this address accepts.');
    case 415:
      return httpError(
        'http.unsupported_media_type',
        'Send JSON, or multipart where the documentation says so.',
      );
    case 503:
      return httpError('http.unavailable', error.message);
    default:
      return httpError('http.internal', 'Try again; if it happens again, report the requestId.', {
        cause,
      });
  }
};

const toDomainError = (error: unknown): DomainError => {
  if (error instanceof DomainError) return error;
  if (error instanceof HttpException) return fromHttpException(error);
  switch (bodyParserType(error)) {
    case 'entity.too.large':
      return httpError('http.body_too_large', 'The body is larger than this address accepts.');
    case 'entity.parse.failed':
      return httpError(
        'http.malformed_json',
        'The body is not valid JSON; check quotes and commas.',
      );
    case 'charset.unsupported':
    case 'encoding.unsupported':
      return httpError('http.unsupported_media_type', 'Send UTF-8 JSON.');
    case undefined:
      return httpError('http.internal', 'Try again; if it happens again, report the requestId.', {
        cause: error,
      });
    default:
      return httpError('http.bad_request', 'The body cannot be read.');
  }
};

/**
 * Answers every error as RFC 9457 problem+json. What was not expected becomes a 500 whose cause is
 * in the log only, under the request's id.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');

  constructor(private readonly config: Config) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Identified>();
    const response = http.getResponse<Response>();
    const problem = toDomainError(error);
    const requestId = typeof request.id === 'string' ? request.id : undefined;
    if (problem.status >= 500) {
      this.logger.error(
        { err: problem.cause ?? problem, requestId, code: problem.code },
        problem.message,
      );
    }
    if (response.headersSent || response.writableEnded) {
      response.destroy();
      return;
    }
    response
      .status(problem.status)
      .set(problem.headers)
      .type('application/problem+json')
      .send(
        JSON.stringify({
          type: `${this.config.http.publicUrl}/problems/${problem.code}`,
          title: problem.title,
          status: problem.status,
          detail: problem.message,
          code: problem.code,
          requestId,
          ...problem.extensions,
        }),
      );
  }
}
