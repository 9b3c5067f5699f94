import { createTransport } from 'nodemailer';
import { oneLine } from './plain-words.js';

export interface InlinePicture {
  /** `cid:` name in the HTML. */
  readonly cid: string;
  readonly fileName: string;
  readonly mimeType: string;
  readonly bytes: Buffer;
}

export interface RenderedMail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly pictures: readonly InlinePicture[];
}

export interface Envelope {
  readonly emailId: string;
  readonly from: string;
  readonly recipient: string;
  readonly recipientName: string | null;
}

const transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });

/** One MIME message to one recipient; names and subjects cannot add a header or a recipient. */
export const toMime = async (mail: RenderedMail, envelope: Envelope): Promise<Buffer> => {
  const { emailId, from, recipient, recipientName } = envelope;
  const { message } = await transport.sendMail({
    from,
    to: { name: oneLine(recipientName ?? '', 80), address: recipient },
    subject: oneLine(mail.subject),
    html: mail.html,
    text: mail.text,
    attachments: mail.pictures.map((picture) => ({
      cid: picture.cid,
      filename: picture.fileName,
      contentType: picture.mimeType,
      contentDisposition: 'inline' as const,
      content: picture.bytes,
    })),
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'X-Email-Id': emailId,
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  if (!Buffer.isBuffer(message)) throw new Error('nodemailer was told to return a buffer.');
  return message;
};
