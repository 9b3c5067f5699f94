/** A person as every module sees them. `email` is normalised: lower case, ASCII domain. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly role: PersonRole;
}

export type PersonRole = 'user' | 'admin';
export type PersonStatus = 'active' | 'suspended' | 'erased';

/** Which results of jobs this person wants a mail about. */
export type ResultMails = 'all' | 'success' | 'none';

export interface Account extends Person {
  readonly status: PersonStatus;
  readonly emailVerified: boolean;
  readonly resultMails: ResultMails;
  readonly createdAt: Date;
}
