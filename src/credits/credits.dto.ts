import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  IsDate,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
  MinLength,
  NotEquals,
} from 'class-validator';
import { Characters, PageQuery } from '../platform/index.js';
import { ENTRY_TYPES, type Entry, type EntryType } from './entry.js';

const JOB_ID = '5f0c2a64-9f1e-4a53-b0c1-0f0f3f0a7d11';

export class BalanceView {
  @ApiProperty({ example: 95, description: 'Credits that can be spent now' })
  available: number;

  @ApiProperty({ example: 5, description: 'Credits held for jobs that have not ended' })
  reserved: number;
}

export class EntriesQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Only the entries of this job' })
  @IsOptional()
  @IsUUID()
  jobId?: string;

  @ApiPropertyOptional({ enum: ENTRY_TYPES })
  @IsOptional()
  @IsIn(ENTRY_TYPES)
  type?: EntryType;

  @ApiPropertyOptional({ type: String, description: 'From this time on (ISO 8601)' })
  @IsOptional()
  @Type(() => Date)
  @IsDate()
  from?: Date;

  @ApiPropertyOptional({ type: String, description: 'Before this time (ISO 8601)' })
  @IsOptional()
  @Type(() => Date)
  @IsDate()
  to?: Date;
}

export class EntryView {
  @ApiProperty({ example: '0b54c0a5-6b0c-4cc4-8d6b-5f4f9f1f2c1d' })
  id: string;

  @ApiProperty({ enum: ENTRY_TYPES, example: 'reserve' })
  type: EntryType;

  @ApiProperty({ example: -5, description: 'Change of `available`; all of them sum to it' })
  availableDelta: number;

  @ApiProperty({ example: 5, description: 'Change of `reserved`; all of them sum to it' })
  reservedDelta: number;

  @ApiProperty({ example: 95, description: '`available` right after this entry' })
  availableAfter: number;

  @ApiProperty({ example: 5, description: '`reserved` right after this entry' })
  reservedAfter: number;

  @ApiPropertyOptional({ example: JOB_ID })
  jobId?: string;

  @ApiPropertyOptional({ example: 'Welcome: credits for a verified address' })
  reason?: string;

  @ApiProperty({ example: '2026-11-23T20:00:00.000Z' })
  createdAt: string;
}

export class EntriesPage {
  @ApiProperty({ type: [EntryView] })
  items: EntryView[];

  @ApiPropertyOptional({ description: 'Absent on the last page' })
  nextCursor?: string;
}

export class PriceView {
  @ApiProperty({ example: 'product-backgrounds' })
  workflow: string;

  @ApiProperty({ example: 5 })
  credits: number;
}

export class PriceList {
  @ApiProperty({ type: [PriceView] })
  items: PriceView[];
}

export class QuoteRequest {
  @ApiProperty({ example: 'product-backgrounds' })
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  workflow: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    example: { prompt: 'on a marble table by a window' },
    description: 'The fields of the submit. The price depends on the workflow alone today.',
  })
  @IsOptional()
  @IsObject()
  parameters?: Record<string, unknown>;
}

export class QuoteView {
  @ApiProperty({ example: 5 })
  credits: number;

  @ApiProperty({ example: 95 })
  available: number;

  @ApiProperty({ example: true })
  enough: boolean;
}

export class GrantRequest {
  @ApiProperty({
    example: 50,
    description: 'Whole credits to add; a negative amount takes available credits back',
  })
  @IsInt()
  @Min(-1_000_000)
  @Max(1_000_000)
  @NotEquals(0)
  amount: number;

  @ApiProperty({ example: 'Sorry for the outage on Monday', minLength: 1, maxLength: 500 })
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value))
  @IsString()
  @Characters(1, 500)
  reason: string;
}

/** The entry as JSON; absent fields are left out. */
export const entryView = (entry: Entry): EntryView => ({
  id: entry.id,
  type: entry.type,
  availableDelta: entry.availableDelta,
  reservedDelta: entry.reservedDelta,
  availableAfter: entry.availableAfter,
  reservedAfter: entry.reservedAfter,
  ...(entry.jobId !== null && { jobId: entry.jobId }),
  ...(entry.reason !== null && { reason: entry.reason }),
  createdAt: entry.createdAt.toISOString(),
});
