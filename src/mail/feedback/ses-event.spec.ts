import { describe, expect, it } from 'vitest';
import { readSesEvent } from './ses-event.js';

const ID = '6f0d2c1e-8a34-4c2b-9f57-0123456789ab';
const bounce = {
  eventType: 'Bounce',
  mail: { messageId: 'ses-1', destination: ['a@x.example'], tags: { email_id: [ID] } },
  bounce: {
    bounceType: 'Permanent',
    bounceSubType: 'General',
    bouncedRecipients: [{ emailAddress: 'a@x.example', diagnosticCode: '550 no such user' }],
  },
  somethingNew: { from: 'AWS' },
};

describe('readSesEvent', () => {
  it('reads an event in an SNS envelope and raw alike', () => {
    const expected = {
      kind: 'bounced',
      emailId: ID,
      providerMessageId: 'ses-1',
      bounceType: 'permanent',
      detail: '550 no such user',
    };
    const envelope = { Type: 'Notification', MessageId: 'sns-1', Message: JSON.stringify(bounce) };
    expect(readSesEvent(JSON.stringify(envelope))).toEqual(expected);
    expect(readSesEvent(JSON.stringify(bounce))).toEqual(expected);
  });

  it('reads the notification of an identity, with our header instead of a tag', () => {
    const notification = {
      notificationType: 'Complaint',
      mail: { messageId: 'ses-2', headers: [{ name: 'X-Email-Id', value: ID }] },
      complaint: { complaintFeedbackType: 'abuse', complainedRecipients: [] },
    };
    expect(readSesEvent(JSON.stringify(notification))).toMatchObject({
      kind: 'complained',
      emailId: ID,
      detail: 'abuse',
    });
  });

  it('takes a bounce of an unknown type as undetermined', () => {
    const odd = { ...bounce, bounce: { bounceType: 'Cosmic' } };
    expect(readSesEvent(JSON.stringify(odd))?.bounceType).toBe('undetermined');
  });

  it.each([
    ['a greeting of SNS', { Type: 'Notification', Message: 'Successfully validated SNS topic' }],
    ['an opened mail', { eventType: 'Open', mail: { messageId: 'ses-3' } }],
    ['an event without a mail', { eventType: 'Delivery' }],
  ])('says nothing about %s', (_title, body) => {
    expect(readSesEvent(JSON.stringify(body))).toBeUndefined();
  });

  it('does not take an id that is none of ours', () => {
    const foreign = { ...bounce, mail: { messageId: 'ses-4', tags: { email_id: ["'; --"] } } };
    expect(readSesEvent(JSON.stringify(foreign))?.emailId).toBeUndefined();
  });

  it('refuses what is no JSON', () => {
    expect(() => readSesEvent('hello')).toThrow('not JSON');
  });
});
