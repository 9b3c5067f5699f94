import { Injectable, type OnModuleInit } from '@nestjs/common';
import { accountMailRequested, People, type AccountMailRequested } from '../../auth/index.js';
import { OutboxDispatcher, type OutboxEvent } from '../../platform/index.js';
import { Emails } from '../emails.js';

/** Turns the events of other modules into rows of mails, once per event and recipient. */
@Injectable()
export class Orders implements OnModuleInit {
  constructor(
    private readonly dispatcher: OutboxDispatcher,
    private readonly emails: Emails,
    private readonly people: People,
  ) {}

  onModuleInit(): void {
    this.dispatcher.on(accountMailRequested, (event) => this.orderAccountMail(event));
  }

  private async orderAccountMail({
    id,
    payload,
  }: OutboxEvent<AccountMailRequested>): Promise<void> {
    const person = await this.people.get(payload.personId);
    if (person.status === 'erased') return;
    await this.emails.order({
      eventId: id,
      kind: payload.kind,
      userId: payload.personId,
      recipient: payload.address,
      ...(person.name !== null && { recipientName: person.name }),
      payload: payload.linkId === undefined ? {} : { linkId: payload.linkId },
    });
  }
}
