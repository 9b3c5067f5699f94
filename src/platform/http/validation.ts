import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { httpError } from './http-errors.js';

interface FieldError {
  readonly path: string;
  readonly message: string;
}

const flatten = (errors: readonly ValidationError[], parent: string): FieldError[] =>
  errors.flatMap((error) => {
    const path = parent ? `${parent}.${error.property}` : error.property;
    const own = Object.values(error.constraints ?? {}).map((message) => ({ path, message }));
    return [...own, ...flatten(error.children ?? [], path)];
  });

/** Throws http.validation_failed with one entry per wrong field. */
export const validationFailed = (errors: readonly FieldError[]) => {
  const [first] = errors;
  return httpError(
    'http.validation_failed',
    first ? `${first.path}: ${first.message}.` : 'A field is not valid.',
    { extensions: { errors } },
  );
};

/** Checks bodies and queries against their DTO; a field that the DTO does not name is an error. */
export const validationPipe = (): ValidationPipe =>
  new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    stopAtFirstError: true,
    exceptionFactory: (errors) => validationFailed(flatten(errors, '')),
  });
