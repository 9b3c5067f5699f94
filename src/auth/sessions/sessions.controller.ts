import { Controller, Delete, Get, HttpCode } from '@nestjs/common';
import {
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { Access, IdParam } from '../../platform/index.js';
import { CurrentPerson, CurrentSessionId } from '../access/current-person.js';
import type { Person } from '../people/person.js';
import { SessionList } from './session-list.service.js';
import { SessionListView } from './sessions.dto.js';

@ApiTags('Me')
@Access('user')
@Controller('v1/me/sessions')
export class SessionsController {
  constructor(private readonly sessions: SessionList) {}

  @ApiOperation({ summary: 'Where I am logged in' })
  @ApiOkResponse({ type: SessionListView })
  @Get()
  async listSessions(
    @CurrentPerson() person: Person,
    @CurrentSessionId() current: string | undefined,
  ): Promise<SessionListView> {
    const sessions = await this.sessions.list(person.id);
    return {
      items: sessions.map((session) => ({
        ...session,
        isCurrent: session.id === current,
        createdAt: session.createdAt.toISOString(),
        lastUsedAt: session.lastUsedAt.toISOString(),
        expiresAt: session.expiresAt.toISOString(),
      })),
    };
  }

  @ApiOperation({ summary: 'Log out everywhere, here too' })
  @ApiNoContentResponse()
  @HttpCode(204)
  @Delete()
  async endAllSessions(@CurrentPerson() person: Person): Promise<void> {
    await this.sessions.endAll(person.id);
  }

  @ApiOperation({ summary: 'End one of my sessions' })
  @ApiParam({ name: 'id', format: 'uuid', example: '0b6f4a52-6c4e-4e5c-8f1d-7b0b7c2a9d10' })
  @ApiNoContentResponse()
  @ApiNotFoundResponse({ description: '`auth.session_not_found`' })
  @HttpCode(204)
  @Delete(':id')
  async endSession(@CurrentPerson() person: Person, @IdParam() id: string): Promise<void> {
    await this.sessions.end(person.id, id);
  }
}
