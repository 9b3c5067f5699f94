import { setTimeout as delay } from 'node:timers/promises';
import { CommandFailed } from '../command.js';

/** A mail as the mailbox shows it at `GET /store`. */
export interface MailboxMail {
  readonly messageId: string;
  readonly subject: string;
  readonly destination: { readonly to: readonly string[] };
  readonly body: { readonly text?: string; readonly html?: string };
}

const LOOK_EVERY_MS = 150;

/** The development mailbox, in which every mail that the product sends can be read. */
export class Mailbox {
  constructor(
    private readonly url: string,
    private readonly signal: AbortSignal,
  ) {}

  /** All mails to this address, oldest first. */
  async mailsTo(address: string): Promise<MailboxMail[]> {
    const response = await fetch(`${this.url}/store`, { signal: this.signal }).catch(() => {
      this.signal.throwIfAborted();
      throw new CommandFailed(`The mailbox at ${this.url} does not answer.`);
    });
    const { emails } = (await response.json()) as { emails: MailboxMail[] };
    return emails.filter((mail) => mail.destination.to.some((to) => to.includes(address)));
  }

  /** The mail to `address` for which `isIt` holds, waiting for it up to `seconds`. */
  async waitFor(
    address: string,
    what: string,
    isIt: (mail: MailboxMail) => boolean,
    seconds: number,
  ): Promise<MailboxMail> {
    const until = performance.now() + seconds * 1_000;
    while (performance.now() < until) {
      const mail = (await this.mailsTo(address)).find(isIt);
      if (mail) return mail;
      await delay(LOOK_EVERY_MS, undefined, { signal: this.signal });
    }
    throw new CommandFailed(`${what} to ${address} did not arrive within ${seconds} s.`);
  }
}

/** The token of the link in a mail, or undefined when the mail has no such link. */
export const tokenIn = (mail: MailboxMail): string | undefined => {
  const [link] =
    /https?:\/\/[^\s"<>()[\]]+[?&]token=[^\s"<>()[\]]+/.exec(mail.body.text ?? '') ?? [];
  return link ? (new URL(link).searchParams.get('token') ?? undefined) : undefined;
};
