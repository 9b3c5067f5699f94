export type FileKind = 'input' | 'output';

/** A file whose bytes are complete in the store. */
export interface StoredFile {
  readonly id: string;
  readonly userId: string;
  /** `input`: saved by the person before a job; `output`: made by one. */
  readonly kind: FileKind;
  /** Readable and safe in headers, with the extension of its type. */
  readonly name: string;
  /** By content, never by name or header. */
  readonly mimeType: string;
  readonly sizeBytes: number;
  /** Pixels; null when it is no picture. */
  readonly width: number | null;
  readonly height: number | null;
  /** Of the stored bytes, lower-case hex. */
  readonly sha256: string;
  readonly jobId: string | null;
  readonly createdAt: Date;
  /** What was changed while saving, for the person; null: nothing worth saying. */
  readonly note: string | null;
}

/** With where its bytes are: stays inside this module. */
export interface FileRecord extends StoredFile {
  readonly storageKey: string;
  /** The bytes as uploaded, where KEEP_ORIGINALS keeps them. */
  readonly originalKey: string | null;
}

/** The columns of files as the fields of {@link FileRecord}. */
export const FILE_COLUMNS = `id, user_id AS "userId", kind, name, mime_type AS "mimeType",
  size_bytes AS "sizeBytes", width, height, sha256, job_id AS "jobId", created_at AS "createdAt",
  note, storage_key AS "storageKey", original_key AS "originalKey"`;
