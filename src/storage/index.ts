/**
 * storage: pictures that people save and files that jobs make. Owns the terms File, Input, Output,
 * Link and Object. A file's row exists before its bytes and is `stored` only once they are complete;
 * what is kept is upright, sRGB and free of metadata.
 * Refuses to trust a name, a header or a link, to hold a body in memory, and to know what a job is.
 */
export { filesError } from './storage.errors.js';
export type { FileKind, StoredFile } from './file.js';
export { FileView } from './files.dto.js';
export { Files } from './files.service.js';
export type { DeleteCheck } from './deletion.service.js';
export type { OpenFile } from './files.service.js';
export type { Output } from './outputs.service.js';
export { STORAGE_MIGRATIONS } from './migrations.js';
export { StorageAudit } from './upkeep/storage-audit.service.js';
export type { StorageFindings } from './upkeep/storage-audit.service.js';
export { StorageModule } from './storage.module.js';
