import { Body, Controller, Delete, Get, Header, Headers, HttpCode, Post } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { Access, Idempotency, IdParam } from '../../platform/index.js';
import { CurrentPerson } from '../access/current-person.js';
import type { Person } from '../people/person.js';
import {
  ApiKeyListView,
  CreateApiKeyRequest,
  NewApiKeyView,
  toApiKeyView,
} from './api-keys.dto.js';
import { ApiKeys } from './api-keys.service.js';

@ApiTags('Me')
@Access('user')
@Controller('v1/me/api-keys')
export class ApiKeysController {
  constructor(
    private readonly keys: ApiKeys,
    private readonly idempotency: Idempotency,
  ) {}

  @ApiOperation({ summary: 'Make an API key for a server of mine' })
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @ApiCreatedResponse({ type: NewApiKeyView })
  @Header('Cache-Control', 'no-store')
  @Post()
  async createApiKey(
    @CurrentPerson() person: Person,
    @Body() body: CreateApiKeyRequest,
    @Headers('idempotency-key') key: string | undefined,
  ): Promise<NewApiKeyView> {
    let secret: string | undefined;
    const { resourceId } = await this.idempotency.once(
      { userId: person.id, key, route: 'POST /v1/me/api-keys', body },
      async () => {
        const created = await this.keys.create(person.id, body.name);
        secret = created.key;
        return { status: 201, resourceId: created.id };
      },
    );
    const view = toApiKeyView(await this.keys.get(person.id, resourceId));
    return secret === undefined ? view : Object.assign(view, { key: secret });
  }

  @ApiOperation({ summary: 'My API keys' })
  @ApiOkResponse({ type: ApiKeyListView })
  @Get()
  async listApiKeys(@CurrentPerson() person: Person): Promise<ApiKeyListView> {
    return { items: (await this.keys.list(person.id)).map(toApiKeyView) };
  }

  @ApiOperation({ summary: 'Revoke an API key, at once' })
  @ApiParam({ name: 'id', format: 'uuid', example: '9c1e6a04-2f0b-4a8e-9a57-3f1d2b4c5e6f' })
  @ApiNoContentResponse()
  @ApiNotFoundResponse({ description: '`auth.api_key_not_found`' })
  @HttpCode(204)
  @Delete(':id')
  async revokeApiKey(@CurrentPerson() person: Person, @IdParam() id: string): Promise<void> {
    await this.keys.revoke(person.id, id);
  }
}
