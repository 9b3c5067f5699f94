import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsDate, IsIn, IsInt, IsOptional, IsUUID, Max, Min } from 'class-validator';
import { PageQuery } from '../platform/index.js';
import type { FileKind } from './file.js';

const KINDS = ['input', 'output'] as const;
const DAY_SECONDS = 86_400;

export class FilesQuery extends PageQuery {
  @ApiPropertyOptional({ enum: KINDS })
  @IsOptional()
  @IsIn(KINDS)
  kind?: FileKind;

  @ApiPropertyOptional({ description: 'Only the outputs of this job' })
  @IsOptional()
  @IsUUID()
  jobId?: string;

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

/** A file as the API shows it. */
export class FileView {
  @ApiProperty({ example: '8c0a8bd2-45d8-4f53-9c7c-2c40b38a2a0f' })
  id: string;

  @ApiProperty({ enum: KINDS, example: 'input' })
  kind: FileKind;

  @ApiProperty({ example: 'coffee cup.png' })
  name: string;

  @ApiProperty({ example: 'image/png', description: 'By content, never by name or header' })
  mimeType: string;

  @ApiProperty({ example: 482_113 })
  sizeBytes: number;

  @ApiProperty({ type: Number, nullable: true, example: 600, description: 'Pixels' })
  width: number | null;

  @ApiProperty({ type: Number, nullable: true, example: 400, description: 'Pixels' })
  height: number | null;

  @ApiProperty({
    example: 'd2a84f4b8b650937ec8f73cd8be2c74add5a911ba64df27458ed8229da804a26',
    description: 'Of the stored bytes, which `content` answers',
  })
  sha256: string;

  @ApiPropertyOptional({ description: 'The job that made an output' })
  jobId?: string;

  @ApiProperty({ example: '2026-11-23T20:00:00.000Z' })
  createdAt: string;

  @ApiPropertyOptional({
    example: 'Only the first of 12 frames or pages was kept.',
    description: 'What was changed while saving',
  })
  note?: string;

  @ApiProperty({
    example: 'http://localhost:3000/v1/links/8c0a8bd2-45d8-4f53-9c7c-2c40b38a2a0f?expires=…',
    description: 'Short signed link that an <img> can use',
  })
  url: string;

  @ApiPropertyOptional({
    example: 'http://localhost:3000/v1/links/8c0a8bd2-45d8-4f53-9c7c-2c40b38a2a0f?size=256&…',
    description: 'The same for a WebP of at most 256 × 256 pixels; pictures only',
  })
  thumbnailUrl?: string;
}

export class FilesPage {
  @ApiProperty({ type: [FileView] })
  items: FileView[];

  @ApiPropertyOptional({ description: 'Absent on the last page' })
  nextCursor?: string;
}

export class LinkRequest {
  @ApiPropertyOptional({
    example: DAY_SECONDS,
    default: DAY_SECONDS,
    description: 'From 1 second to 30 days',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(30 * DAY_SECONDS)
  expiresInSeconds: number = DAY_SECONDS;
}

export class LinkView {
  @ApiProperty({ example: 'c3a0bb0e-15ac-4d0c-8b64-6ff1a3f1b5a2' })
  id: string;

  @ApiProperty({ example: 'http://localhost:3000/v1/links/8c0a8bd2-…?expires=…&signature=…' })
  url: string;

  @ApiProperty({ example: '2026-11-24T20:00:00.000Z' })
  expiresAt: string;
}

export class UploadForm {
  @ApiProperty({ type: 'string', format: 'binary', description: 'The picture' })
  file: string;
}
