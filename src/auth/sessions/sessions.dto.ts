import { ApiProperty } from '@nestjs/swagger';
import type { SessionMethod } from './sessions.service.js';

export class SessionView {
  @ApiProperty({ format: 'uuid', example: '0b6f4a52-6c4e-4e5c-8f1d-7b0b7c2a9d10' })
  id: string;

  @ApiProperty({ enum: ['password', 'verification', 'google'], example: 'password' })
  method: SessionMethod;

  @ApiProperty({ type: String, nullable: true, example: '203.0.113.7' })
  ip: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'Mozilla/5.0' })
  userAgent: string | null;

  @ApiProperty({ description: 'The session that asks', example: true })
  isCurrent: boolean;

  @ApiProperty({ format: 'date-time', example: '2026-11-23T12:00:00.000Z' })
  createdAt: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-23T13:00:00.000Z' })
  lastUsedAt: string;

  @ApiProperty({ format: 'date-time', example: '2026-12-07T13:00:00.000Z' })
  expiresAt: string;
}

export class SessionListView {
  @ApiProperty({ type: [SessionView] })
  items: SessionView[];
}
