import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Account, PersonRole, PersonStatus, ResultMails } from './person.js';

/** A row of `users` as it is read; every change is one SQL statement of the service that owns it. */
@Entity('users')
export class User {
  @PrimaryColumn('uuid')
  id: string;

  /** Null once erased. */
  @Column('text', { nullable: true })
  email: string | null;

  @Column('text', { nullable: true })
  name: string | null;

  @Column('text')
  role: PersonRole;

  @Column('text')
  status: PersonStatus;

  @Column('timestamptz', { name: 'email_verified_at', nullable: true })
  emailVerifiedAt: Date | null;

  @Column('text', { name: 'result_mails' })
  resultMails: ResultMails;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}

/** An erased person keeps an id and an empty address, so that the ledger still has an owner. */
export const toAccount = (user: User): Account => ({
  id: user.id,
  email: user.email ?? '',
  name: user.name,
  role: user.role,
  status: user.status,
  emailVerified: user.emailVerifiedAt !== null,
  resultMails: user.resultMails,
  createdAt: user.createdAt,
});
