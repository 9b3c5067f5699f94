import { Injectable } from '@nestjs/common';
import { Database, decodeCursor, SharedReads, toPage, type Page } from '../platform/index.js';
import { filesError } from './storage.errors.js';
import { FILE_COLUMNS, type FileKind, type FileRecord } from './file.js';

/** A file before its bytes are stored. */
export interface Draft {
  readonly id: string;
  readonly userId: string;
  readonly kind: FileKind;
  readonly name: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly sourceSha256?: string;
  /** Where the uploaded bytes go, if they are kept. */
  readonly originalKey?: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly note: string | null;
  readonly jobId?: string;
  readonly discriminator?: string;
}

/** A row whose objects are to be removed. */
export interface Deleted {
  readonly id: string;
  readonly storageKey: string;
}

export interface FileQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly kind?: FileKind | undefined;
  readonly jobId?: string | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

const UNIQUE_VIOLATION = '23505';

export const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION;

/** The rows of files: pending → stored → deleted → purged, never back. */
@Injectable()
export class FileRecords {
  private readonly stored: SharedReads<FileRecord>;
  private readonly storedForShare: SharedReads<FileRecord>;
  private readonly storedForUpdate: SharedReads<FileRecord>;

  constructor(private readonly database: Database) {
    const reads = (name: string, lock = '') =>
      new SharedReads<FileRecord>(
        database,
        name,
        (ids) =>
          `SELECT ${FILE_COLUMNS} FROM files WHERE id = ${ids} AND status = 'stored' ${lock}`,
        ({ id }) => id,
      );
    this.stored = reads('stored-files');
    this.storedForShare = reads('stored-files-for-share', 'FOR SHARE');
    this.storedForUpdate = reads('stored-files-for-update', 'FOR UPDATE');
  }

  async insertPending(draft: Draft, storageKey: string): Promise<void> {
    await this.database.query(
      `INSERT INTO files (id, user_id, kind, status, storage_key, name, mime_type, size_bytes, sha256,
         source_sha256, width, height, note, job_id, discriminator, original_key)
       VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
      [
        draft.id,
        draft.userId,
        draft.kind,
        storageKey,
        draft.name,
        draft.mimeType,
        draft.sizeBytes,
        draft.sha256,
        draft.sourceSha256,
        draft.width,
        draft.height,
        draft.note,
        draft.jobId,
        draft.discriminator,
        draft.originalKey,
      ],
    );
  }

  /**
   * Pending → stored, once the bytes are complete. Undefined: the row is no longer pending. Throws a
   * unique violation when the same bytes (inputs) or the same place (outputs) were first.
   */
  markStored(id: string): Promise<FileRecord | undefined> {
    return this.database.one<FileRecord>(
      `UPDATE files SET status = 'stored', stored_at = clock_timestamp()
       WHERE id = $1 AND status = 'pending' RETURNING ${FILE_COLUMNS}`,
      [id],
    );
  }

  /** Stored or pending → deleted. Returns those whose objects are now to be removed. */
  markDeleted(ids: readonly string[]): Promise<Deleted[]> {
    return this.database.query<Deleted>(
      `UPDATE files SET status = 'deleted', deleted_at = clock_timestamp()
       WHERE id = ANY($1) AND status <> 'deleted' RETURNING id, storage_key AS "storageKey"`,
      [ids],
    );
  }

  /** The objects of a deleted row are gone; its name, which may tell something, goes too. */
  async markPurged(id: string): Promise<void> {
    await this.database.query(
      `UPDATE files SET purged_at = clock_timestamp(), name = ''
       WHERE id = $1 AND status = 'deleted' AND purged_at IS NULL`,
      [id],
    );
  }

  find(id: string): Promise<FileRecord | undefined> {
    return this.stored.find(id);
  }

  /** Those of the rows that are stored, in no order. */
  findAll(ids: readonly string[]): Promise<FileRecord[]> {
    return this.stored.findAll(ids);
  }

  /** Throws files.not_found, also for the file of another person. */
  async getOwn(userId: string, id: string): Promise<FileRecord> {
    return this.own(userId, await this.find(id));
  }

  /** As {@link getOwn}; until the transaction around it ends nobody else uses or deletes the file. */
  async getOwnForUpdate(userId: string, id: string): Promise<FileRecord> {
    return this.own(userId, await this.storedForUpdate.find(id));
  }

  /** As {@link getOwn}, for each of `ids`; until the transaction around it ends nobody deletes one. */
  async getAllOwnForShare(userId: string, ids: readonly string[]): Promise<FileRecord[]> {
    const files = await this.storedForShare.findAll(ids);
    const byId = new Map(files.map((file) => [file.id, file]));
    return ids.map((id) => this.own(userId, byId.get(id.toLowerCase())));
  }

  findDeleted(id: string): Promise<Deleted | undefined> {
    return this.database.one<Deleted>(
      `SELECT id, storage_key AS "storageKey" FROM files
       WHERE id = $1 AND status = 'deleted' AND purged_at IS NULL`,
      [id],
    );
  }

  private own(userId: string, file: FileRecord | undefined): FileRecord {
    if (file && file.userId === userId) return file;
    throw filesError('files.not_found', 'There is no such file; GET /v1/files lists yours.');
  }

  /** The input that these bytes already are; storing it again makes it young for retention. */
  renewInput(userId: string, sourceSha256: string): Promise<FileRecord | undefined> {
    return this.database.one<FileRecord>(
      `UPDATE files SET stored_at = clock_timestamp()
       WHERE user_id = $1 AND source_sha256 = $2 AND kind = 'input' AND status = 'stored'
       RETURNING ${FILE_COLUMNS}`,
      [userId, sourceSha256],
    );
  }

  findOutput(jobId: string, discriminator: string, name: string): Promise<FileRecord | undefined> {
    return this.database.one<FileRecord>(
      `SELECT ${FILE_COLUMNS} FROM files
       WHERE job_id = $1 AND discriminator = $2 AND name = $3 AND status = 'stored'`,
      [jobId, discriminator, name],
    );
  }

  async outputIds(jobId: string, discriminator: string): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM files WHERE job_id = $1 AND discriminator = $2 AND status <> 'deleted'`,
      [jobId, discriminator],
    );
    return rows.map((row) => row.id);
  }

  async idsOf(userId: string): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM files WHERE user_id = $1 AND status <> 'deleted'`,
      [userId],
    );
    return rows.map((row) => row.id);
  }

  /** One page of the person's files, newest first. */
  async list(userId: string, query: FileQuery): Promise<Page<FileRecord>> {
    const after = decodeCursor(query.cursor);
    const rows = await this.database.query<FileRecord>(
      `SELECT ${FILE_COLUMNS} FROM files
       WHERE user_id = $1 AND status = 'stored'
         AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
         AND ($4::text IS NULL OR kind = $4)
         AND ($5::uuid IS NULL OR job_id = $5)
         AND ($6::timestamptz IS NULL OR created_at >= $6)
         AND ($7::timestamptz IS NULL OR created_at < $7)
       ORDER BY created_at DESC, id DESC LIMIT $8`,
      [
        userId,
        after?.createdAt,
        after?.id,
        query.kind,
        query.jobId,
        query.from,
        query.to,
        query.limit + 1,
      ],
    );
    return toPage(rows, query.limit, (file) => file);
  }
}
