import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Matches } from 'class-validator';
import { Characters } from '../../platform/index.js';
import type { ApiKey } from './api-keys.service.js';

export class CreateApiKeyRequest {
  @ApiProperty({ example: 'shop server', minLength: 1, maxLength: 100 })
  @IsString()
  @Characters(1, 100)
  @Matches(/^\P{C}*$/u, { message: 'must not contain control characters' })
  name: string;
}

export class ApiKeyView {
  @ApiProperty({ format: 'uuid', example: '9c1e6a04-2f0b-4a8e-9a57-3f1d2b4c5e6f' })
  id: string;

  @ApiProperty({ example: 'shop server' })
  name: string;

  @ApiProperty({ description: 'The first characters', example: 'hom_Zk3v8q' })
  hint: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-23T12:00:00.000Z' })
  createdAt: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  lastUsedAt: string | null;
}

export class NewApiKeyView extends ApiKeyView {
  @ApiPropertyOptional({
    description: 'Shown this once; a replayed request does not get it again',
    example: 'hom_Zk3v8qW1…',
  })
  key?: string;
}

export class ApiKeyListView {
  @ApiProperty({ type: [ApiKeyView] })
  items: ApiKeyView[];
}

export const toApiKeyView = ({ id, name, hint, createdAt, lastUsedAt }: ApiKey): ApiKeyView => ({
  id,
  name,
  hint,
  createdAt: createdAt.toISOString(),
  lastUsedAt: lastUsedAt?.toISOString() ?? null,
});
