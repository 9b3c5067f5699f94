import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { eventually, mailbox } from '../../support/mailer.js';
import { startSesProxy } from '../../support/ses-proxy.js';
import { startMailHouse } from './mail-house.js';
import { MailOrders } from './mail-orders.js';

const ses = await startSesProxy(inject('mailboxUrl'));
afterAll(() => ses.close());

describe('a mailer that is stopped', () => {
  it('finishes the mail in hand and its record before the database closes', async () => {
    ses.plan = () => ({ kind: 'slow', ms: 700 });
    const house = await startMailHouse({ SES_ENDPOINT: ses.url });
    const orders = await MailOrders.of(house.app);
    const address = `${randomUUID()}@example.com`;
    const [id = ''] = await orders.place([address]);
    await eventually(() => Promise.resolve(ses.mimes.length === 1));
    const begun = performance.now();
    await house.close();
    expect(performance.now() - begun).toBeLessThan(5_000);

    const later = await startMailHouse({ ROLES: 'api', DATABASE_URL: house.databaseUrl });
    const [row] = await later.database.query('SELECT status, attempts FROM emails WHERE id = $1', [
      id,
    ]);
    expect(row).toEqual({ status: 'sent', attempts: 1 });
    await later.close();
    expect(await mailbox(address)).toHaveLength(1);
  });
});
