import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { SecretField } from '../auth-fields.js';

export class ExchangeRequest {
  @SecretField('bG9naW4…')
  code: string;
}

export class GoogleTokenRequest {
  @ApiProperty({ description: 'The `credential` of the Google button', example: 'eyJhbGciOi…' })
  @IsString()
  @MaxLength(8_000)
  @Matches(/^[\w-]+\.[\w-]+\.[\w-]*$/, { message: 'must be an ID token' })
  idToken: string;

  @ApiPropertyOptional({ description: 'The nonce that the button was set up with, if any' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  nonce?: string;
}

export class IdentityView {
  @ApiProperty({ format: 'uuid', example: '4b7a2f6c-58a1-4e0b-a1b5-2c1d7f9e0a33' })
  id: string;

  @ApiProperty({ enum: ['google'], example: 'google' })
  provider: 'google';

  @ApiProperty({ example: 'ada@gmail.com' })
  email: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-23T12:00:00.000Z' })
  createdAt: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-23T12:00:00.000Z' })
  lastUsedAt: string;
}

export class IdentityListView {
  @ApiProperty({ type: [IdentityView] })
  items: IdentityView[];
}
