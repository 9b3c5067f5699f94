import { Body, Controller, Header, HttpCode, Post, Req } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBadRequestResponse,
  ApiForbiddenResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import type { Request } from 'express';
import { Access, RateLimit, RateLimits } from '../platform/index.js';
import {
  AcceptedView,
  AddressRequest,
  LoginRequest,
  RefreshRequest,
  RegisterRequest,
  ResetPasswordRequest,
  TokensView,
  VerifyRequest,
} from './auth.dto.js';
import { LOGIN_LIMITS, MAIL_LIMITS, REFRESH_LIMITS, TOKEN_LIMITS } from './rate-limits.js';
import { Sessions, type Tokens } from './sessions/sessions.service.js';
import { Login } from './sign-in/login.service.js';
import { Recovery } from './sign-in/recovery.service.js';
import { Registration } from './sign-in/registration.service.js';
import { Verification } from './sign-in/verification.service.js';

/** One answer for every address, known or not. */
const ACCEPTED: AcceptedView = { message: 'If the address can get one, a mail is on its way.' };

@ApiTags('Accounts')
@Access('public')
@Controller('v1/auth')
export class AuthController {
  constructor(
    private readonly registration: Registration,
    private readonly verification: Verification,
    private readonly login: Login,
    private readonly recovery: Recovery,
    private readonly sessions: Sessions,
    private readonly limits: RateLimits,
  ) {}

  @ApiOperation({ summary: 'Sign up; a mail with a link follows' })
  @ApiAcceptedResponse({ type: AcceptedView, description: 'The same for every address' })
  @ApiBadRequestResponse({ description: '`http.validation_failed`' })
  @HttpCode(202)
  @RateLimit(...MAIL_LIMITS)
  @Post('register')
  async register(@Body() body: RegisterRequest): Promise<AcceptedView> {
    await this.registration.register(body);
    return ACCEPTED;
  }

  @ApiOperation({ summary: 'Prove an address with the token of the link, and log in' })
  @ApiOkResponse({ type: TokensView })
  @ApiBadRequestResponse({ description: '`auth.token_invalid`: wrong, used or expired' })
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @RateLimit(...TOKEN_LIMITS)
  @Post('verify')
  verify(@Body() body: VerifyRequest): Promise<Tokens> {
    return this.verification.verify(body.token);
  }

  @ApiOperation({ summary: 'Ask for another verification mail; the older link ends' })
  @ApiAcceptedResponse({ type: AcceptedView, description: 'The same for every address' })
  @HttpCode(202)
  @RateLimit(...MAIL_LIMITS)
  @Post('resend-verification')
  async resend(@Body() body: AddressRequest): Promise<AcceptedView> {
    await this.registration.resend(body.email);
    return ACCEPTED;
  }

  @ApiOperation({ summary: 'Log in with address and password' })
  @ApiOkResponse({ type: TokensView })
  @ApiUnauthorizedResponse({ description: '`auth.invalid_credentials`' })
  @ApiForbiddenResponse({ description: '`auth.email_not_verified` or `auth.suspended`' })
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @RateLimit(...LOGIN_LIMITS)
  @Post('login')
  async logIn(@Body() body: LoginRequest, @Req() request: Request): Promise<Tokens> {
    const tokens = await this.login.start(body.email, body.password);
    for (const limit of LOGIN_LIMITS) {
      const subject = limit.per(request);
      if (subject !== undefined) await this.limits.refund(limit, subject);
    }
    return tokens;
  }

  @ApiOperation({ summary: 'Exchange a refresh token for a new pair' })
  @ApiOkResponse({ type: TokensView })
  @ApiUnauthorizedResponse({
    description: '`auth.refresh_token_invalid`; a replayed token ends its session',
  })
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @RateLimit(...REFRESH_LIMITS)
  @Post('refresh')
  refresh(@Body() body: RefreshRequest): Promise<Tokens> {
    return this.sessions.refresh(body.refreshToken);
  }

  @ApiOperation({ summary: 'End the session of this refresh token' })
  @ApiNoContentResponse({ description: 'Also when there is no such session' })
  @HttpCode(204)
  @RateLimit(...REFRESH_LIMITS)
  @Post('logout')
  async logOut(@Body() body: RefreshRequest): Promise<void> {
    await this.sessions.logout(body.refreshToken);
  }

  @ApiOperation({ summary: 'Ask for a mail with a link to a new password' })
  @ApiAcceptedResponse({ type: AcceptedView, description: 'The same for every address' })
  @HttpCode(202)
  @RateLimit(...MAIL_LIMITS)
  @Post('forgot-password')
  async forgot(@Body() body: AddressRequest): Promise<AcceptedView> {
    await this.recovery.request(body.email);
    return ACCEPTED;
  }

  @ApiOperation({ summary: 'Set a new password with the token of the link; every session ends' })
  @ApiNoContentResponse()
  @ApiBadRequestResponse({ description: '`auth.token_invalid`: wrong, used or expired' })
  @HttpCode(204)
  @RateLimit(...TOKEN_LIMITS)
  @Post('reset-password')
  async reset(@Body() body: ResetPasswordRequest): Promise<void> {
    await this.recovery.reset(body.token, body.password);
  }
}
