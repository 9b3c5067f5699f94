/**
 * credits: an exact ledger that people can read. Owns the terms Credits, Account, Entry, Balance,
 * Reservation, Price and Quote. Every change of a balance is one append-only entry; a job reserves
 * when it is submitted, and captures when it succeeded or releases when it did not.
 * Refuses to know what a job does, to edit or remove an entry, and to let a balance go below zero.
 */
export { CreditsModule } from './credits.module.js';
export { CreditsAudit } from './credits-audit.service.js';
export type { Drift, JobsLookup } from './credits-audit.service.js';
export type { Balance, Entry, EntryType } from './entry.js';
export { Ledger } from './ledger.service.js';
export type { Grant, Reservation } from './ledger.service.js';
export { CREDITS_MIGRATIONS } from './migrations.js';
export { Prices } from './prices.service.js';
export type { Price } from './prices.service.js';
export { Statement } from './statement.service.js';
