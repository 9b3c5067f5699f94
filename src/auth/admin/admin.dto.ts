import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { Characters, PageQuery } from '../../platform/index.js';
import { MeView, toMe } from '../people/me.dto.js';
import type { Account, PersonStatus } from '../people/person.js';
import type { AuditRow } from './admin.service.js';

const STATUSES = ['active', 'suspended', 'erased'] as const;
const ID = '3f6c1f0e-5d0a-4a43-9c39-6a2f6b1d2c11';

export class PersonQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'An address or a part of one', example: 'ada@' })
  @IsOptional()
  @IsString()
  @MaxLength(254)
  @Matches(/^\P{C}*$/u, { message: 'must not contain control characters' })
  email?: string;

  @ApiPropertyOptional({ enum: STATUSES })
  @IsOptional()
  @IsIn(STATUSES)
  status?: PersonStatus;
}

export class PersonView extends MeView {
  @ApiProperty({ enum: STATUSES, example: 'active' })
  status: PersonStatus;
}

export class PersonListView {
  @ApiProperty({ type: [PersonView] })
  items: PersonView[];

  @ApiPropertyOptional({ example: 'MjAyNi0xMS0yM1QxMjow…' })
  nextCursor?: string;
}

export class SuspendRequest {
  @ApiProperty({
    description: 'For the audit trail',
    example: 'chargeback',
    minLength: 1,
    maxLength: 500,
  })
  @IsString()
  @Characters(1, 500)
  @Matches(/^[\P{C}\n]*$/u, { message: 'must not contain control characters' })
  reason: string;
}

export class AuditQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Done by or to this person', example: ID })
  @IsOptional()
  @IsUUID()
  personId?: string;

  @ApiPropertyOptional({ example: 'auth.login-failed' })
  @IsOptional()
  @Matches(/^[a-z.-]{1,100}$/)
  kind?: string;
}

export class AuditEventView {
  @ApiProperty({ format: 'uuid', example: 'a7d5bb0e-1c52-4f0e-8a43-55d1f1f0a1aa' })
  id: string;

  @ApiProperty({ example: 'auth.login-failed' })
  kind: string;

  @ApiProperty({ type: String, nullable: true, format: 'uuid', example: ID })
  actorId: string | null;

  @ApiProperty({ type: String, nullable: true, format: 'uuid', example: ID })
  subjectId: string | null;

  @ApiProperty({ type: String, nullable: true, example: '203.0.113.7' })
  ip: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'Mozilla/5.0' })
  userAgent: string | null;

  @ApiProperty({ type: String, nullable: true, example: '5b7e9c1a-0d3f-4e7a-9a2b-1c4d6e8f0a2b' })
  requestId: string | null;

  @ApiProperty({ type: Object, example: {} })
  details: Record<string, unknown>;

  @ApiProperty({ format: 'date-time', example: '2026-11-23T12:00:00.000Z' })
  createdAt: string;
}

export class AuditListView {
  @ApiProperty({ type: [AuditEventView] })
  items: AuditEventView[];

  @ApiPropertyOptional({ example: 'MjAyNi0xMS0yM1QxMjow…' })
  nextCursor?: string;
}

export const toPersonView = (account: Account): PersonView =>
  Object.assign(toMe(account), { status: account.status });

export const toAuditEventView = (row: AuditRow): AuditEventView => ({
  ...row,
  createdAt: row.createdAt.toISOString(),
});
