import { ApiProperty } from '@nestjs/swagger';
import {
  AddressField,
  NameField,
  NewPasswordField,
  PasswordField,
  SecretField,
} from './auth-fields.js';

const LINK_TOKEN = '6f0d2c1e-8a34-4c2b-9f57-0123456789ab.kWq…';
const REFRESH_TOKEN = 'b3Jpz…';

export class RegisterRequest {
  @AddressField()
  email: string;

  @NewPasswordField()
  password: string;

  @NameField()
  name?: string;
}

export class AddressRequest {
  @AddressField()
  email: string;
}

export class LoginRequest {
  @AddressField()
  email: string;

  @PasswordField()
  password: string;
}

export class VerifyRequest {
  @SecretField(LINK_TOKEN)
  token: string;
}

export class ResetPasswordRequest {
  @SecretField(LINK_TOKEN)
  token: string;

  @NewPasswordField()
  password: string;
}

export class RefreshRequest {
  @SecretField(REFRESH_TOKEN)
  refreshToken: string;
}

export class TokensView {
  @ApiProperty({ description: 'Send it as `Authorization: Bearer …`', example: 'eyJhbGciOi…' })
  accessToken: string;

  @ApiProperty({ description: 'For one use at /v1/auth/refresh', example: REFRESH_TOKEN })
  refreshToken: string;

  @ApiProperty({ description: 'Seconds until the access token expires', example: 900 })
  expiresIn: number;
}

export class AcceptedView {
  @ApiProperty({ example: 'If the address can get one, a mail is on its way.' })
  message: string;
}
