import { Body, Controller, Delete, Get, HttpCode, Post } from '@nestjs/common';
import {
  ApiConflictResponse,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiServiceUnavailableResponse,
  ApiTags,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import { Access, IdParam } from '../../platform/index.js';
import { CurrentPerson } from '../access/current-person.js';
import type { Person } from '../people/person.js';
import { GoogleTokenRequest, IdentityListView } from './google.dto.js';
import { GoogleIdTokens } from './google-id-tokens.js';
import { Identities } from './identities.service.js';

@ApiTags('Me')
@Access('user')
@Controller('v1/me/identities')
export class IdentitiesController {
  constructor(
    private readonly identities: Identities,
    private readonly idTokens: GoogleIdTokens,
  ) {}

  @ApiOperation({ summary: 'Accounts elsewhere that open mine' })
  @ApiOkResponse({ type: IdentityListView })
  @Get()
  async listIdentities(@CurrentPerson() person: Person): Promise<IdentityListView> {
    const identities = await this.identities.list(person.id);
    return {
      items: identities.map((identity) => ({
        ...identity,
        createdAt: identity.createdAt.toISOString(),
        lastUsedAt: identity.lastUsedAt.toISOString(),
      })),
    };
  }

  @ApiOperation({ summary: 'Link my Google account' })
  @ApiNoContentResponse()
  @ApiUnauthorizedResponse({ description: '`auth.google_refused`' })
  @ApiConflictResponse({ description: '`auth.identity_in_use` or `auth.google_link_required`' })
  @ApiServiceUnavailableResponse({ description: '`auth.google_not_configured`' })
  @HttpCode(204)
  @Post('google')
  async linkGoogle(
    @CurrentPerson() person: Person,
    @Body() body: GoogleTokenRequest,
  ): Promise<void> {
    await this.identities.link(person, await this.idTokens.read(body.idToken, body.nonce));
  }

  @ApiOperation({ summary: 'Unlink an account elsewhere' })
  @ApiParam({ name: 'id', format: 'uuid', example: '4b7a2f6c-58a1-4e0b-a1b5-2c1d7f9e0a33' })
  @ApiNoContentResponse()
  @ApiNotFoundResponse({ description: '`auth.identity_not_found`' })
  @ApiConflictResponse({ description: '`auth.no_password`: it is the only way in' })
  @HttpCode(204)
  @Delete(':id')
  async unlinkIdentity(@CurrentPerson() person: Person, @IdParam() id: string): Promise<void> {
    await this.identities.unlink(person.id, id);
  }
}
