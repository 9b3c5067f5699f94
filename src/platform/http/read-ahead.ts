import {
  createParamDecorator,
  SetMetadata,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import type { Request } from 'express';

/** Begins to read what a route shows, by the `id` in its path. Must change nothing. */
export interface AheadReader {
  read(id: string): Promise<unknown>;
}

export const READ_AHEAD_METADATA = 'read-ahead';

export type AheadRequest = Request & { ahead?: Promise<unknown> };

/**
 * On the busiest routes: what they show is read while the guard still looks at the caller, in the same
 * round (SharedReads), and is thrown away when the caller is refused. The route gets it from
 * {@link Ahead} and must check itself whether this caller may see it.
 */
export const ReadAhead = (reader: Type<AheadReader>) => SetMetadata(READ_AHEAD_METADATA, reader);

/** The promise of the route's {@link AheadReader}. */
export const Ahead = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Promise<unknown> => {
    const { ahead } = context.switchToHttp().getRequest<AheadRequest>();
    if (!ahead) throw new Error('A route without @ReadAhead asks for what was read ahead.');
    return ahead;
  },
);
