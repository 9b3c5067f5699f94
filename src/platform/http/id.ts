import { Param, ParseUUIDPipe } from '@nestjs/common';
import { httpError } from './http-errors.js';

/** A UUID from the path; text that is none answers 404, just like an id that nobody has. */
export const IdParam = (name = 'id'): ParameterDecorator =>
  Param(
    name,
    new ParseUUIDPipe({
      exceptionFactory: () => httpError('http.not_found', 'There is nothing with this id.'),
    }),
  );
