import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { isUuid } from '../uuid.js';
import { validationFailed } from './validation.js';

/** The query of every list: newest first, `cursor` from the page before. */
export class PageQuery {
  @ApiPropertyOptional({ minimum: 1, maximum: 100, default: 20, example: 20 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  limit: number = 20;

  @ApiPropertyOptional({ description: '`nextCursor` of the page before', example: undefined })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  cursor?: string;
}

export interface Page<Item> {
  readonly items: Item[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

interface Position {
  readonly createdAt: Date;
  readonly id: string;
}

/** Where a page begins: after this time and id, going backwards. */
export const decodeCursor = (cursor: string | undefined): Position | undefined => {
  if (cursor === undefined) return undefined;
  const [time, id] = Buffer.from(cursor, 'base64url').toString('utf8').split('|');
  const createdAt = new Date(time ?? '');
  if (!id || !isUuid(id) || Number.isNaN(createdAt.getTime())) {
    throw validationFailed([
      { path: 'cursor', message: 'use nextCursor of the page before, unchanged' },
    ]);
  }
  return { createdAt, id };
};

/** Cuts `limit + 1` rows to a page whose cursor is the last row shown. */
export const toPage = <Row extends Position, Item>(
  rows: readonly Row[],
  limit: number,
  map: (row: Row) => Item,
): Page<Item> => {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const items = shown.map(map);
  if (rows.length <= limit || !last) return { items };
  const nextCursor = Buffer.from(`${last.createdAt.toISOString()}|${last.id}`).toString(
    'base64url',
  );
  return { items, nextCursor };
};
