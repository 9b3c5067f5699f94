import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { People } from '../auth/index.js';
import { Config } from '../config/index.js';
import { Database } from '../platform/index.js';
import { filesError } from './storage.errors.js';
import { FileRecords } from './file-records.js';
import type { FileRecord } from './file.js';
import { THUMBNAIL_SIZES, type ThumbnailSize } from './keys.js';
import { isSignatureOf, signLink } from './link-signature.js';

export interface FileLink {
  readonly id: string;
  readonly url: string;
  readonly expiresAt: Date;
}

const VIEW_SECONDS = 3_600;
/** Addresses that were made lately: clients ask for the same jobs and files again and again. */
const KNOWN_ADDRESSES = 2_000;

const invalid = () =>
  filesError(
    'files.link_invalid',
    'This link has expired, was withdrawn or is not complete; ask for a new one.',
  );

/** Addresses that open one file without a login, until a time. */
@Injectable()
export class FileLinks {
  private readonly views = new LRUCache<string, string>({ max: KNOWN_ADDRESSES });

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly records: FileRecords,
    private readonly people: People,
  ) {}

  /** A link that can be withdrawn. The file must exist; see {@link FileRecords.getOwn}. */
  async create(fileId: string, expiresInSeconds: number): Promise<FileLink> {
    const id = randomUUID();
    const expiresAt = new Date((Math.floor(Date.now() / 1_000) + expiresInSeconds) * 1_000);
    await this.database.query(
      'INSERT INTO file_links (id, file_id, expires_at) VALUES ($1, $2, $3)',
      [id, fileId, expiresAt],
    );
    return { id, expiresAt, url: this.urlOf(fileId, expiresAt, { link: id }) };
  }

  /** A link that was made before. Throws files.link_invalid when its row is gone. */
  async get(fileId: string, linkId: string): Promise<FileLink> {
    const row = await this.database.one<{ expiresAt: Date }>(
      'SELECT expires_at AS "expiresAt" FROM file_links WHERE id = $1 AND file_id = $2',
      [linkId, fileId],
    );
    if (!row) throw invalid();
    const { expiresAt } = row;
    return { id: linkId, expiresAt, url: this.urlOf(fileId, expiresAt, { link: linkId }) };
  }

  /**
   * A link for the answers of the API and their `<img>`: valid between one and two hours, and the
   * same address within an hour so that browsers can cache. It ends with the file only.
   */
  viewUrl(fileId: string, size?: ThumbnailSize): string {
    const hours = Math.floor(Date.now() / 1_000 / VIEW_SECONDS) + 2;
    const key = `${hours} ${fileId} ${size ?? ''}`;
    const known = this.views.get(key);
    if (known !== undefined) return known;
    const url = this.urlOf(fileId, new Date(hours * VIEW_SECONDS * 1_000), {
      ...(size && { size: String(size) }),
    });
    this.views.set(key, url);
    return url;
  }

  /** Withdraws one link, or all of a file's; links in answers are not affected. Repeatable. */
  async revoke(fileId: string, linkId?: string): Promise<void> {
    await this.database.query(
      `UPDATE file_links SET revoked_at = clock_timestamp()
       WHERE file_id = $1 AND ($2::uuid IS NULL OR id = $2) AND revoked_at IS NULL`,
      [fileId, linkId],
    );
  }

  /**
   * The file that a link opens, as a thumbnail if `size` is set, and when the link ends. Throws files.link_invalid (403) for a link that is altered,
   * expired or withdrawn, whose file is gone or whose owner is suspended: the holder learns no
   * difference.
   */
  async open(
    method: string,
    fileId: string,
    query: Readonly<Record<string, unknown>>,
  ): Promise<{ file: FileRecord; size: ThumbnailSize | undefined; expiresAt: Date }> {
    const { signature, ...rest } = query;
    const claims = { method, fileId, query: this.plain(rest) };
    if (typeof signature !== 'string' || !isSignatureOf(this.config.links.key, claims, signature)) {
      throw invalid();
    }
    const expiresAt = new Date(Number(claims.query['expires']) * 1_000);
    if (!(expiresAt.getTime() > Date.now())) throw invalid();
    const linkId = claims.query['link'];
    if (linkId !== undefined && !(await this.isOpen(fileId, linkId))) throw invalid();
    const file = await this.records.find(fileId);
    if (!file || !(await this.people.isActive(file.userId))) throw invalid();
    const size = THUMBNAIL_SIZES.find((known) => String(known) === claims.query['size']);
    return { file, size, expiresAt };
  }

  private urlOf(fileId: string, expiresAt: Date, more: Readonly<Record<string, string>>): string {
    const query = { expires: String(Math.floor(expiresAt.getTime() / 1_000)), ...more };
    const signature = signLink(this.config.links.key, { method: 'GET', fileId, query });
    const search = new URLSearchParams({ ...query, signature });
    return `${this.config.http.publicUrl}/v1/links/${fileId}?${search.toString()}`;
  }

  private async isOpen(fileId: string, linkId: string): Promise<boolean> {
    const row = await this.database.one(
      `SELECT 1 FROM file_links
       WHERE id = $1 AND file_id = $2 AND revoked_at IS NULL AND expires_at > now()`,
      [linkId, fileId],
    );
    return row !== undefined;
  }

  /** Doubled or nested parameters are never ours. */
  private plain(query: Readonly<Record<string, unknown>>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(query).map(([name, value]) => {
        if (typeof value !== 'string') throw invalid();
        return [name, value];
      }),
    );
  }
}
