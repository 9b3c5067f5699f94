import { domainToASCII } from 'node:url';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, Type, type TransformFnParams } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsEmail,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  ValidateNested,
} from 'class-validator';
import { EMAIL_STATUSES, type EmailStatus } from '../email.js';

/** Lower case and with an ASCII domain, so that one mailbox has one spelling. */
const normalised = ({ value }: TransformFnParams): unknown => {
  if (typeof value !== 'string') return value;
  const [local, domain, ...rest] = value.trim().toLowerCase().split('@');
  if (!local || !domain || rest.length > 0) return value;
  return `${local}@${domainToASCII(domain) || domain}`;
};

export class RecipientRequest {
  @ApiProperty({ example: 'grace@example.com', format: 'email' })
  @Transform(normalised)
  @IsEmail({ allow_utf8_local_part: false }, { message: 'must be an e-mail address' })
  @MaxLength(254)
  address: string;

  @ApiPropertyOptional({ example: 'Grace', type: String, maxLength: 100 })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  name?: string;
}

export class SendEmailsRequest {
  @ApiPropertyOptional({
    description: 'Who gets it, each in a mail of their own; by default you',
    type: [RecipientRequest],
  })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10)
  @ValidateNested({ each: true })
  @Type(() => RecipientRequest)
  to?: RecipientRequest[];

  @ApiPropertyOptional({
    description: 'Names of the outputs to send; by default all',
    example: ['image'],
    type: [String],
  })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsString({ each: true })
  @MaxLength(100, { each: true })
  outputs?: string[];

  @ApiPropertyOptional({ example: 'What do you think?', maxLength: 1_000 })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  @Matches(/^[\P{C}\n\r\t\p{Cf}]*$/u, { message: 'must not contain control characters' })
  message?: string;
}

export class EmailView {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ description: 'The address', example: 'grace@example.com' }) to: string;
  @ApiProperty({
    enum: EMAIL_STATUSES,
    description:
      '`queued`: on its way; `sent`: the mail service has it; `delivered`, `bounced`, `complained`: reported later; `suppressed`: earlier mails to this address came back; `undeliverable`: refused for good; `dead`: five tries failed',
    example: 'sent',
  })
  status: EmailStatus;
  @ApiProperty({ description: 'Tries so far', example: 1 }) attempts: number;
  @ApiProperty() createdAt: Date;
  @ApiPropertyOptional() sentAt?: Date;
  @ApiPropertyOptional({ description: 'Why it has not arrived' }) lastError?: string;
}

export class EmailList {
  @ApiProperty({ type: [EmailView] }) items: EmailView[];
}
