import { createHmac, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database, RateLimits } from '../../platform/index.js';
import { normaliseAddress } from '../people/address.js';
import type { Person } from '../people/person.js';
import { BASIC_LIMIT } from '../rate-limits.js';
import { Login } from './login.service.js';

const REMEMBERED_MS = 60_000;
const MAX_REMEMBERED = 100;

/** HTTP Basic: the password comes with every request, so a right one is remembered for a minute. */
@Injectable()
export class BasicLogin {
  private readonly remembered = new Map<string, { personId: string; until: number }>();
  /** What is remembered is worthless outside this process. */
  private readonly key = randomBytes(32);

  constructor(
    private readonly database: Database,
    private readonly login: Login,
    private readonly limits: RateLimits,
  ) {}

  async authenticate(email: string, password: string): Promise<Person> {
    const pair = createHmac('sha256', this.key).update(`${email}\0${password}`).digest('base64');
    return (await this.recall(pair)) ?? this.prove(pair, email, password);
  }

  /** The row is read each time: a suspended person is out at once. */
  private async recall(pair: string): Promise<Person | undefined> {
    const known = this.remembered.get(pair);
    if (!known || known.until < Date.now()) return undefined;
    return this.database.one<Person>(
      `SELECT id, email, name, role FROM users WHERE id = $1 AND status = 'active'`,
      [known.personId],
    );
  }

  private async prove(pair: string, email: string, password: string): Promise<Person> {
    const subject = normaliseAddress(email);
    await this.limits.consume(BASIC_LIMIT, subject);
    const person = await this.login.check(email, password);
    await this.limits.refund(BASIC_LIMIT, subject);
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    this.remembered.set(pair, { personId: person.id, until: Date.now() + REMEMBERED_MS });
    return person;
  }
}
