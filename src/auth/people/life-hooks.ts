import { Injectable } from '@nestjs/common';

export type PersonHook = (personId: string) => Promise<void>;

/** What other modules do when a person is verified or erased, in the order of registration. */
@Injectable()
export class LifeHooks {
  readonly verified: PersonHook[] = [];
  readonly stop: PersonHook[] = [];
  readonly remove: PersonHook[] = [];
}
