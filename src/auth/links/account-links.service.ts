import { Injectable } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { Database } from '../../platform/index.js';
import { claimedLinkId, isTokenOf, linkToken, type LinkPurpose } from './link-token.js';

const MINUTES_VALID: Readonly<Record<LinkPurpose, number>> = {
  'verify-email': 24 * 60,
  'change-address': 24 * 60,
  'reset-password': 30,
};

const PAGE: Readonly<Record<LinkPurpose, string>> = {
  'verify-email': '/verify-email',
  'change-address': '/verify-email',
  'reset-password': '/reset-password',
};

interface LinkRow {
  readonly id: string;
  readonly personId: string;
  readonly purpose: LinkPurpose;
  readonly address: string;
  readonly expiresAt: Date;
  readonly isUsable: boolean;
}

const COLUMNS = `l.id, l.user_id AS "personId", l.purpose, l.address, l.expires_at AS "expiresAt",
  (l.used_at IS NULL AND l.killed_at IS NULL AND l.expires_at > now() AND u.status = 'active'
    AND (l.purpose = 'change-address' OR l.address = u.email)) AS "isUsable"`;

/**
 * Links in mails: one use, bound to a purpose and an address, expiring; a new one ends the older one
 * of the same purpose. The row holds no token, it is computed when a mail is rendered.
 */
@Injectable()
export class AccountLinks {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  /** Ends the person's older link of that purpose and returns the new link's id. Needs a transaction. */
  async issue(personId: string, purpose: LinkPurpose, address: string): Promise<string> {
    await this.end(personId, [purpose]);
    const rows = await this.database.query<{ id: string }>(
      `INSERT INTO account_links (user_id, purpose, address, expires_at)
       VALUES ($1, $2, $3, now() + make_interval(mins => $4)) RETURNING id`,
      [personId, purpose, address, MINUTES_VALID[purpose]],
    );
    const [link] = rows;
    if (!link) throw new Error('The link was not stored.');
    return link.id;
  }

  /** Ends the person's open links of these purposes. */
  async end(personId: string, purposes: readonly LinkPurpose[]): Promise<void> {
    await this.database.query(
      `UPDATE account_links SET killed_at = now()
       WHERE user_id = $1 AND purpose = ANY($2) AND used_at IS NULL AND killed_at IS NULL`,
      [personId, [...purposes]],
    );
  }

  /**
   * Uses the token up and returns what it was for; undefined when it is wrong, used, replaced or
   * expired. Of parallel calls one succeeds. Needs a transaction; holds the person's row until its end.
   */
  async use(
    token: string,
    purposes: readonly LinkPurpose[],
  ): Promise<Pick<LinkRow, 'personId' | 'purpose' | 'address'> | undefined> {
    const id = claimedLinkId(token);
    if (id === undefined) return undefined;
    const owner = await this.database.one<{ id: string }>(
      `SELECT u.id FROM users u JOIN account_links l ON l.user_id = u.id
       WHERE l.id = $1 FOR UPDATE OF u`,
      [id],
    );
    const link = owner && (await this.find(id));
    if (!link?.isUsable || !purposes.includes(link.purpose)) return undefined;
    if (!isTokenOf(this.config.links.key, token, link)) return undefined;
    await this.database.query('UPDATE account_links SET used_at = now() WHERE id = $1', [id]);
    return link;
  }

  /**
   * The link as a mail shows it, computed anew. Leads to the frontend where there is one, else to the
   * API's own page; never built from a request. `isUsable` is false once used, replaced or expired.
   */
  async urlOf(
    linkId: string,
  ): Promise<{ url: string; address: string; expiresAt: Date; isUsable: boolean }> {
    const link = await this.find(linkId);
    if (!link) throw new Error(`There is no account link ${linkId}.`);
    const { frontendUrl, publicUrl } = this.config.http;
    const token = linkToken(this.config.links.key, link);
    return {
      url: `${frontendUrl ?? publicUrl}${PAGE[link.purpose]}?token=${token}`,
      address: link.address,
      expiresAt: link.expiresAt,
      isUsable: link.isUsable,
    };
  }

  private find(id: string): Promise<LinkRow | undefined> {
    return this.database.one<LinkRow>(
      `SELECT ${COLUMNS} FROM account_links l JOIN users u ON u.id = l.user_id WHERE l.id = $1`,
      [id],
    );
  }
}
