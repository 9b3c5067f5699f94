import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, type TransformFnParams } from 'class-transformer';
import {
  IsEmail,
  IsNotEmpty,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  ValidateBy,
} from 'class-validator';
import { Characters } from '../platform/index.js';
import { isCommonPassword } from './passwords/common-passwords.js';
import { normaliseAddress } from './people/address.js';

const normalised = ({ value }: TransformFnParams): unknown =>
  typeof value === 'string' ? normaliseAddress(value) : value;

/** The longest that a mail server takes (RFC 5321). */
const MAX_ADDRESS = 254;

/** A mail address, normalised before it is checked. */
export const AddressField = (example = 'ada@example.com') =>
  applyDecorators(
    ApiProperty({ example, format: 'email', maxLength: MAX_ADDRESS }),
    Transform(normalised),
    IsEmail({ allow_utf8_local_part: false }, { message: 'must be an e-mail address' }),
    MaxLength(MAX_ADDRESS, { message: `must have at most ${MAX_ADDRESS} characters` }),
  );

/** A password to be set: 8 to 128 characters, not one of the common ones; every byte counts. */
export const NewPasswordField = () =>
  applyDecorators(
    ApiProperty({ example: 'a cup of coffee at 7', minLength: 8, maxLength: 128 }),
    IsString(),
    Characters(8, 128),
    ValidateBy({
      name: 'notCommon',
      validator: {
        validate: (value) => typeof value === 'string' && !isCommonPassword(value),
        defaultMessage: () => 'is one of the most common passwords; choose another',
      },
    }),
    ValidateBy({
      name: 'wellFormed',
      validator: {
        validate: (value) => typeof value === 'string' && value.isWellFormed(),
        defaultMessage: () => 'must be valid Unicode text',
      },
    }),
  );

/** A password to be checked: anything that could be one. */
export const PasswordField = () =>
  applyDecorators(ApiProperty({ example: 'a cup of coffee at 7' }), Characters(1, 128), IsString());

/** A secret that we made: a link's token, a refresh token, a one-time code. */
export const SecretField = (example: string) =>
  applyDecorators(ApiProperty({ example }), MaxLength(200), IsNotEmpty(), IsString());

/** How a person wants to be called. */
export const NameField = () =>
  applyDecorators(
    ApiPropertyOptional({ example: 'Ada', type: String, maxLength: 100 }),
    Matches(/^\P{C}*$/u, { message: 'must not contain control characters' }),
    Characters(0, 100),
    IsString(),
    IsOptional(),
  );
