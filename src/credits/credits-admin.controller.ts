import { Body, Controller, Headers, Param, Post } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOperation,
  ApiPaymentRequiredResponse,
  ApiTags,
} from '@nestjs/swagger';
import { AuditTrail, CurrentPerson, People, type Person } from '../auth/index.js';
import { Access, Idempotency, isUuid } from '../platform/index.js';
import { EntryView, entryView, GrantRequest } from './credits.dto.js';
import { creditsError } from './credits.errors.js';
import { Ledger } from './ledger.service.js';
import { Statement } from './statement.service.js';

/** An admin gives credits or takes them back. */
@ApiTags('Admin')
@Access('admin')
@Controller('v1/admin/users')
export class CreditsAdminController {
  constructor(
    private readonly ledger: Ledger,
    private readonly statement: Statement,
    private readonly people: People,
    private readonly idempotency: Idempotency,
    private readonly audit: AuditTrail,
  ) {}

  @Post(':id/credits')
  @ApiOperation({
    summary: 'Give a person credits, or take available ones back',
    description: 'The entry keeps the reason, which the person sees, and the id of the admin.',
  })
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @ApiCreatedResponse({ type: EntryView })
  @ApiNotFoundResponse({ description: '`credits.unknown_person`' })
  @ApiPaymentRequiredResponse({ description: '`credits.insufficient`: more than is available' })
  async grant(
    @CurrentPerson() admin: Person,
    @Param('id') userId: string,
    @Body() body: GrantRequest,
    @Headers('idempotency-key') key: string | undefined,
  ): Promise<EntryView> {
    const { resourceId } = await this.idempotency.once(
      {
        userId: admin.id,
        key,
        route: 'POST /v1/admin/users/{id}/credits',
        body: { userId, amount: body.amount, reason: body.reason },
      },
      async () => {
        await this.checkPerson(userId);
        const entry = await this.ledger.grant({
          userId,
          amount: body.amount,
          reason: body.reason,
          actorId: admin.id,
        });
        if (!entry) throw new Error('A grant without a key was not written.');
        await this.audit.record({
          kind: 'credits.granted',
          subjectId: userId,
          details: { amount: body.amount, entryId: entry.id },
        });
        return { status: 201, resourceId: entry.id };
      },
    );
    const entry = await this.statement.find(resourceId);
    if (!entry) throw new Error(`The entry ${resourceId} is gone.`);
    return entryView(entry);
  }

  private async checkPerson(userId: string): Promise<void> {
    const person = isUuid(userId.toLowerCase())
      ? await this.people.get(userId).catch(() => undefined)
      : undefined;
    if (person && person.status !== 'erased') return;
    throw creditsError('credits.unknown_person', 'Check the id of the person.');
  }
}
