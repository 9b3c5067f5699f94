import type { Fact } from '../letters/wording.js';
import { Button, Facts, Heading, Page, Paragraph, Picture, Quote } from './components.js';

export interface ResultMailProps {
  readonly name: string | null;
  readonly title: string;
  /** Who sent it on; null: the reader ordered it. */
  readonly sender: string | null;
  readonly message: string | null;
  readonly pictures: readonly { readonly cid: string; readonly alt: string }[];
  readonly texts: readonly { readonly name: string; readonly text: string }[];
  readonly links: readonly { readonly label: string; readonly url: string }[];
  /** Until when the links work; null when there are none. */
  readonly linksExpire: string | null;
  readonly facts: readonly Fact[];
}

/** What a job made: the picture small, the files as links, texts as text, and what it was made with. */
export const ResultMail = (props: ResultMailProps) => {
  const { name, title, sender, message, pictures, texts, links, linksExpire, facts } = props;
  return (
    <Page
      preview={
        sender === null ? `${title}: your result is ready.` : `${title}, made for you to see.`
      }
      reason={
        sender === null
          ? 'You get this mail because you ordered this at House of Models. You can turn these mails off in your settings.'
          : `You get this mail because ${sender} sent it to you from House of Models.`
      }
    >
      <Heading>
        {sender === null ? `${title}: your result is ready` : `${sender} sent you a result`}
      </Heading>
      {name && <Paragraph>Hello {name},</Paragraph>}
      {message !== null && <Quote text={message} />}
      {pictures.map((picture) => (
        <Picture key={picture.cid} cid={picture.cid} alt={picture.alt} />
      ))}
      {texts.map((output) => (
        <Quote key={output.name} text={output.text} />
      ))}
      {links.map((link) => (
        <Button key={link.url} href={link.url} label={link.label} />
      ))}
      {linksExpire !== null && <Paragraph>The links work until {linksExpire}.</Paragraph>}
      {facts.length > 0 && <Facts rows={facts} />}
    </Page>
  );
};
