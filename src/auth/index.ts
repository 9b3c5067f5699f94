/**
 * auth: accounts and who may call what — sign-up, proof of the address, logins, sessions, Google,
 * API keys, erasure, the audit trail.
 * Owns the terms Person, Account, Session, Identity, Account link, API key, Audit event.
 * Refuses to know credits, files and jobs (they hook into a person's life instead), to render or send
 * a mail (it orders one through the outbox), and to keep any password, token or link readable.
 */
export { AuthModule } from './auth.module.js';
export { AUTH_MIGRATIONS } from './migrations.js';
export { AuthGuard } from './access/auth.guard.js';
export { CurrentPerson } from './access/current-person.js';
export { StreamAccess } from './access/stream-access.js';
export type { StreamCheck } from './access/stream-access.js';
export { AuditTrail } from './audit/audit-trail.service.js';
export type { AuditEvent } from './audit/audit-trail.service.js';
export { AccountLinks } from './links/account-links.service.js';
export { accountMailRequested } from './links/account-mail.js';
export type { AccountMailRequested } from './links/account-mail.js';
export { People } from './people/people.service.js';
export type { Account, Person, PersonRole, PersonStatus, ResultMails } from './people/person.js';
