import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import type { EmailKind } from '../email.js';

export interface Suppression {
  readonly address: string;
  readonly reason: 'bounce' | 'complaint';
  readonly detail: string | null;
  readonly createdAt: Date;
}

/** Addresses that get no more mails: theirs came back for good, or their reader complained. */
@Injectable()
export class Suppressions {
  constructor(private readonly database: Database) {}

  /** Why this kind of mail may not go to that address; undefined when it may. A complaint stops only mails about jobs. */
  async find(address: string, kind: EmailKind): Promise<string | undefined> {
    const row = await this.database.one<Suppression>(
      'SELECT reason FROM suppressed_addresses WHERE address = lower($1)',
      [address],
    );
    if (!row) return undefined;
    if (row.reason === 'bounce') return 'Mails to this address came back for good.';
    return kind.startsWith('job-')
      ? 'The reader of this address complained about mails.'
      : undefined;
  }
}
