import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiConflictResponse,
  ApiForbiddenResponse,
  ApiNoContentResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { Access, RateLimit } from '../../platform/index.js';
import { CurrentPerson, CurrentSessionId } from '../access/current-person.js';
import { AcceptedView } from '../auth.dto.js';
import { MAIL_LIMITS, PASSWORD_LIMITS } from '../rate-limits.js';
import { ChangeAddressRequest, ChangePasswordRequest } from './credentials.dto.js';
import { Credentials } from './credentials.service.js';
import type { Person } from './person.js';

@ApiTags('Me')
@ApiForbiddenResponse({ description: '`auth.wrong_password`' })
@ApiConflictResponse({ description: '`auth.no_password`: the account has none yet' })
@Access('user')
@Controller('v1/me')
export class CredentialsController {
  constructor(private readonly credentials: Credentials) {}

  @ApiOperation({ summary: 'Change my password; my other sessions end' })
  @ApiNoContentResponse()
  @RateLimit(...PASSWORD_LIMITS)
  @HttpCode(204)
  @Post('password')
  async changePassword(
    @CurrentPerson() person: Person,
    @CurrentSessionId() sessionId: string | undefined,
    @Body() body: ChangePasswordRequest,
  ): Promise<void> {
    const passwords = { current: body.currentPassword, next: body.newPassword };
    await this.credentials.changePassword(person, passwords, sessionId);
  }

  @ApiOperation({ summary: 'Change my address; a link goes to the new one' })
  @ApiAcceptedResponse({ type: AcceptedView, description: 'The same for every address' })
  @RateLimit(...PASSWORD_LIMITS, ...MAIL_LIMITS)
  @HttpCode(202)
  @Post('email')
  async changeAddress(
    @CurrentPerson() person: Person,
    @Body() body: ChangeAddressRequest,
  ): Promise<AcceptedView> {
    await this.credentials.requestAddressChange(person, body.password, body.email);
    return { message: 'Open the link that we sent to the new address.' };
  }
}
