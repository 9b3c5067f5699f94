import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import {
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { Access, IdParam, toPage } from '../../platform/index.js';
import { CurrentPerson } from '../access/current-person.js';
import type { Person } from '../people/person.js';
import {
  PersonListView,
  PersonQuery,
  PersonView,
  SuspendRequest,
  toPersonView,
} from './admin.dto.js';
import { Administration } from './admin.service.js';

const ID = { name: 'id', format: 'uuid', example: '3f6c1f0e-5d0a-4a43-9c39-6a2f6b1d2c11' };

@ApiTags('Admin')
@Access('admin')
@Controller('v1/admin/users')
export class AdminUsersController {
  constructor(private readonly administration: Administration) {}

  @ApiOperation({ summary: 'Find persons, newest first' })
  @ApiOkResponse({ type: PersonListView })
  @Get()
  async findPersons(@Query() query: PersonQuery): Promise<PersonListView> {
    return toPage(await this.administration.search(query), query.limit, toPersonView);
  }

  @ApiOperation({ summary: 'A person' })
  @ApiParam(ID)
  @ApiOkResponse({ type: PersonView })
  @ApiNotFoundResponse({ description: '`auth.person_not_found`' })
  @Get(':id')
  async getPerson(@IdParam() id: string): Promise<PersonView> {
    return toPersonView(await this.administration.getPresent(id));
  }

  @ApiOperation({ summary: 'Lock a person out, at once' })
  @ApiParam(ID)
  @ApiOkResponse({ type: PersonView })
  @ApiNotFoundResponse({ description: '`auth.person_not_found`' })
  @ApiConflictResponse({ description: '`auth.own_account`' })
  @HttpCode(200)
  @Post(':id/suspend')
  async suspendPerson(
    @CurrentPerson() admin: Person,
    @IdParam() id: string,
    @Body() body: SuspendRequest,
  ): Promise<PersonView> {
    return toPersonView(await this.administration.suspend(admin, id, body.reason));
  }

  @ApiOperation({ summary: 'Let a suspended person in again' })
  @ApiParam(ID)
  @ApiOkResponse({ type: PersonView })
  @ApiNotFoundResponse({ description: '`auth.person_not_found`' })
  @HttpCode(200)
  @Post(':id/restore')
  async restorePerson(@IdParam() id: string): Promise<PersonView> {
    return toPersonView(await this.administration.restore(id));
  }
}
