import type { AccountKind } from '../email.js';
import { ACCOUNT_WORDS } from '../letters/account-words.js';
import { Button, Heading, Page, Paragraph } from './components.js';

export interface AccountMailProps {
  readonly kind: AccountKind;
  /** The person's name; null: none is known. */
  readonly name: string | null;
  /** Present where the mail asks for something. */
  readonly link: { readonly url: string; readonly expires: string } | null;
}

export const AccountMail = ({ kind, name, link }: AccountMailProps) => {
  const words = ACCOUNT_WORDS[kind];
  return (
    <Page preview={words.lines[0] ?? words.heading} reason={words.reason}>
      <Heading>{words.heading}</Heading>
      {name && <Paragraph>Hello {name},</Paragraph>}
      {words.lines.map((line) => (
        <Paragraph key={line}>{line}</Paragraph>
      ))}
      {link && words.button && (
        <>
          <Button href={link.url} label={words.button} showsAddress />
          <Paragraph>The link works once, until {link.expires}.</Paragraph>
        </>
      )}
    </Page>
  );
};
