import { Body, Controller, Delete, Get, HttpCode, Patch } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { Access } from '../../platform/index.js';
import { CurrentPerson } from '../access/current-person.js';
import { Erasure } from './erasure.service.js';
import { ChangeMeRequest, MeView, toMe } from './me.dto.js';
import { People } from './people.service.js';
import type { Person } from './person.js';

@ApiTags('Me')
@Access('user')
@Controller('v1/me')
export class MeController {
  constructor(
    private readonly people: People,
    private readonly erasure: Erasure,
  ) {}

  @ApiOperation({ summary: 'Who I am' })
  @ApiOkResponse({ type: MeView })
  @Get()
  async getMe(@CurrentPerson() person: Person): Promise<MeView> {
    return toMe(await this.people.get(person.id));
  }

  @ApiOperation({ summary: 'Change my name or which mails I get' })
  @ApiOkResponse({ type: MeView })
  @ApiBadRequestResponse({ description: '`http.validation_failed`' })
  @Patch()
  async changeMe(
    @CurrentPerson() person: Person,
    @Body() change: ChangeMeRequest,
  ): Promise<MeView> {
    return toMe(await this.people.change(person.id, change));
  }

  @ApiOperation({ summary: 'Erase me: open jobs end, my data goes' })
  @ApiNoContentResponse()
  @HttpCode(204)
  @Delete()
  async eraseMe(@CurrentPerson() person: Person): Promise<void> {
    await this.erasure.erase(person.id);
  }
}
