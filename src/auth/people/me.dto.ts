import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { NameField } from '../auth-fields.js';
import type { Account, PersonRole, ResultMails } from './person.js';

const RESULT_MAILS = ['all', 'success', 'none'] as const;

export class MeView {
  @ApiProperty({ format: 'uuid', example: '3f6c1f0e-5d0a-4a43-9c39-6a2f6b1d2c11' })
  id: string;

  @ApiProperty({ example: 'ada@example.com' })
  email: string;

  @ApiProperty({ type: String, nullable: true, example: 'Ada' })
  name: string | null;

  @ApiProperty({ example: true })
  emailVerified: boolean;

  @ApiProperty({ enum: ['user', 'admin'], example: 'user' })
  role: PersonRole;

  @ApiProperty({ enum: RESULT_MAILS, example: 'all' })
  resultMails: ResultMails;

  @ApiProperty({ format: 'date-time', example: '2026-11-23T12:00:00.000Z' })
  createdAt: string;
}

export class ChangeMeRequest {
  @NameField()
  name?: string | null;

  @ApiPropertyOptional({
    enum: RESULT_MAILS,
    example: 'success',
    description: 'Which results of jobs bring a mail',
  })
  @IsOptional()
  @IsIn(RESULT_MAILS)
  resultMails?: ResultMails;
}

export const toMe = (account: Account): MeView => ({
  id: account.id,
  email: account.email,
  name: account.name,
  emailVerified: account.emailVerified,
  role: account.role,
  resultMails: account.resultMails,
  createdAt: account.createdAt.toISOString(),
});
