import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { PageQuery } from '../platform/index.js';
import { FileView } from '../storage/index.js';
import { JOB_STATUSES, type JobError, type JobKind, type JobStatus } from './job.js';

export class JobsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: JOB_STATUSES })
  @IsOptional()
  @IsIn(JOB_STATUSES)
  status?: JobStatus;

  @ApiPropertyOptional({ example: 'product-backgrounds' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  workflow?: string;
}

export class ProgressView {
  @ApiProperty({ description: '0 to 100, never going back', example: 42 }) percent: number;
  @ApiPropertyOptional({ example: 'Painting the background' }) step?: string;
  @ApiPropertyOptional({ description: 'A short link to the latest preview picture' })
  previewUrl?: string;
}

export class QueueView {
  @ApiProperty({ description: '1 is next', example: 3 }) position: number;
  @ApiProperty({
    description: 'From measured run times; null before the first',
    nullable: true,
    type: Number,
    example: 40,
  })
  etaSeconds: number | null;
}

export class JobOutputView {
  @ApiProperty({ example: 'image' }) name: string;
  @ApiProperty({ enum: ['file', 'text'] }) type: 'file' | 'text';
  @ApiPropertyOptional({ type: FileView }) file?: FileView;
  @ApiPropertyOptional() text?: string;
}

export class JobErrorView implements JobError {
  @ApiProperty({ example: 'comfy.subject_not_found' }) code: string;
  @ApiProperty({ example: 'No product was found in the picture.' }) message: string;
  @ApiPropertyOptional({ example: 'Use a picture that shows one product clearly.' }) hint?: string;
  @ApiProperty() retryable: boolean;
}

export class JobCreditsView {
  @ApiProperty({ description: 'Held for this job now', example: 5 }) reserved: number;
  @ApiProperty({ description: 'Charged', example: 0 }) captured: number;
}

export class JobView {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ enum: ['comfy', 'tool'] }) kind: JobKind;
  @ApiProperty({ example: 'product-backgrounds' }) workflow: string;
  @ApiProperty({ enum: JOB_STATUSES }) status: JobStatus;
  @ApiProperty({ type: ProgressView }) progress: ProgressView;
  @ApiProperty({ type: QueueView, nullable: true, description: 'Only while it waits' })
  queue: QueueView | null;
  @ApiProperty({ type: Object, example: { prompt: 'on white marble', seed: 42 } })
  parameters: Record<string, unknown>;
  @ApiProperty({ type: [FileView] }) inputs: FileView[];
  @ApiProperty({ type: [JobOutputView] }) outputs: JobOutputView[];
  @ApiProperty({ type: JobErrorView, nullable: true }) error: JobErrorView | null;
  @ApiProperty({ type: JobCreditsView }) credits: JobCreditsView;
  @ApiProperty() createdAt: Date;
  @ApiProperty({ nullable: true, type: Date }) startedAt: Date | null;
  @ApiProperty({ nullable: true, type: Date }) finishedAt: Date | null;
  @ApiProperty() cancelRequested: boolean;
  @ApiProperty({
    format: 'uuid',
    nullable: true,
    type: String,
    description: 'The ended job that this one repeats, at an admin’s wish',
  })
  retryOf: string | null;
}

export class JobPage {
  @ApiProperty({ type: [JobView] }) items: JobView[];
  @ApiPropertyOptional() nextCursor?: string;
}

export class StreamTokenView {
  @ApiProperty({ description: 'For `?token=` on /events of this job' }) token: string;
  @ApiProperty() expiresAt: Date;
}
