import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { PageQuery } from '../../platform/index.js';
import { EMAIL_STATUSES, type EmailKind, type EmailStatus } from '../email.js';
import type { SuppressionReason } from '../feedback/suppressions.js';

export class EmailsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: EMAIL_STATUSES })
  @IsOptional()
  @IsIn(EMAIL_STATUSES)
  status?: EmailStatus;

  @ApiPropertyOptional({ description: 'The whole address', example: undefined })
  @IsOptional()
  @IsString()
  @MaxLength(254)
  recipient?: string;
}

export class AdminEmailView {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ example: 'job-succeeded' }) kind: EmailKind;
  @ApiProperty({ format: 'uuid' }) userId: string;
  @ApiProperty({ format: 'uuid', nullable: true, type: String }) jobId: string | null;
  @ApiProperty({ example: 'grace@example.com' }) recipient: string;
  @ApiProperty({ enum: EMAIL_STATUSES }) status: EmailStatus;
  @ApiProperty({ example: 1 }) attempts: number;
  @ApiProperty({ description: 'Requests repeated without knowing what became of the one before' })
  possibleCopies: number;
  @ApiProperty({ description: 'Times a mailer died holding it' }) crashes: number;
  @ApiProperty() nextAttemptAt: Date;
  @ApiProperty({ nullable: true, type: String }) providerMessageId: string | null;
  @ApiProperty({ nullable: true, type: String }) lastError: string | null;
  @ApiProperty() createdAt: Date;
  @ApiProperty({ nullable: true, type: Date }) sentAt: Date | null;
}

export class AdminEmailPage {
  @ApiProperty({ type: [AdminEmailView] }) items: AdminEmailView[];
  @ApiPropertyOptional() nextCursor?: string;
}

export class SuppressionView {
  @ApiProperty({ example: 'gone@example.com' }) address: string;
  @ApiProperty({ enum: ['bounce', 'complaint'] }) reason: SuppressionReason;
  @ApiProperty({ nullable: true, type: String }) detail: string | null;
  @ApiProperty() createdAt: Date;
}

export class SuppressionList {
  @ApiProperty({ type: [SuppressionView] }) items: SuppressionView[];
}
