import { Body, Controller, Get, Header, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiQuery,
  ApiServiceUnavailableResponse,
  ApiTags,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { Config } from '../../config/index.js';
import { Access, DomainError, RateLimit } from '../../platform/index.js';
import { TokensView } from '../auth.dto.js';
import { TOKEN_LIMITS } from '../rate-limits.js';
import { Sessions, type Tokens } from '../sessions/sessions.service.js';
import { ExchangeRequest, GoogleTokenRequest } from './google.dto.js';
import { GoogleGuard, type GoogleOutcome } from './google.guard.js';
import { GoogleIdTokens } from './google-id-tokens.js';
import { GoogleSignIn } from './google-sign-in.service.js';
import type { FlowRequest } from './google.strategy.js';
import { LoginCodes } from './login-codes.service.js';

@ApiTags('Accounts')
@ApiServiceUnavailableResponse({
  description: '`auth.google_not_configured` or `auth.google_unavailable`',
})
@Access('public')
@RateLimit(...TOKEN_LIMITS)
@Controller('v1/auth')
export class GoogleController {
  constructor(
    private readonly signIn: GoogleSignIn,
    private readonly idTokens: GoogleIdTokens,
    private readonly codes: LoginCodes,
    private readonly sessions: Sessions,
    private readonly config: Config,
  ) {}

  @ApiOperation({ summary: 'Sign in with Google: open this in a browser' })
  @ApiQuery({ name: 'returnTo', required: false, example: '/studio' })
  @ApiFoundResponse({ description: 'To Google' })
  @UseGuards(GoogleGuard)
  @Get('google')
  beginGoogle(): void {
    throw new Error('The guard redirects to Google before this runs.');
  }

  @ApiOperation({ summary: 'Google sends the browser back here' })
  @ApiQuery({ name: 'code', required: false })
  @ApiQuery({ name: 'state', required: false })
  @ApiFoundResponse({ description: 'To the frontend, with a one-time `code` or with an `error`' })
  @UseGuards(GoogleGuard)
  @Header('Cache-Control', 'no-store')
  @Get('google/callback')
  async finishGoogle(
    @Req() request: FlowRequest & { user?: GoogleOutcome },
    @Res() response: Response,
  ): Promise<void> {
    const { frontendUrl, publicUrl } = this.config.http;
    const target = new URL(
      frontendUrl ? frontendUrl + (request.flow?.returnTo ?? '') : `${publicUrl}/docs`,
    );
    try {
      target.searchParams.set('code', await this.codeFor(request.user));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      target.searchParams.set('error', error.code);
    }
    response.redirect(302, target.href);
  }

  @ApiOperation({ summary: 'Exchange the one-time code of the redirect for tokens' })
  @ApiOkResponse({ type: TokensView })
  @ApiBadRequestResponse({ description: '`auth.token_invalid`' })
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @Post('exchange')
  exchange(@Body() body: ExchangeRequest): Promise<Tokens> {
    return this.codes.exchange(body.code);
  }

  @ApiOperation({ summary: 'Log in with an ID token of the Google button' })
  @ApiOkResponse({ type: TokensView })
  @ApiUnauthorizedResponse({ description: '`auth.google_refused`: not a valid token for us' })
  @ApiConflictResponse({
    description: '`auth.google_link_required`: log in as before, then link Google',
  })
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @Post('google')
  async logInWithGoogle(@Body() body: GoogleTokenRequest): Promise<Tokens> {
    const claims = await this.idTokens.read(body.idToken, body.nonce);
    return this.sessions.start(await this.signIn.identify(claims), 'google');
  }

  private async codeFor(outcome: GoogleOutcome | undefined): Promise<string> {
    if (!outcome) throw new Error('The guard left no outcome.');
    if ('refusal' in outcome) throw outcome.refusal;
    return this.codes.issue(await this.signIn.identify(outcome.claims));
  }
}
