import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits; guessing one is hopeless, so a plain hash protects it at rest. */
export const newOpaqueToken = (): string => randomBytes(32).toString('base64url');

/** What the database keeps of an opaque token. */
export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
