import { Button, Facts, Heading, Page, Paragraph, Picture, Quote } from './components.js';

export interface ResultMailProps {
  readonly name: string | null;
  readonly title: string;
  /** Present when the owner sent it to somebody: who, and their words. */
  readonly from: { readonly name: string; readonly message: string | null } | null;
  readonly pictures: readonly { readonly cid: string; readonly alt: string }[];
  readonly texts: readonly { readonly name: string; readonly text: string }[];
  readonly links: readonly { readonly label: string; readonly url: string }[];
  /** Until when the links work; null when there are none. */
  readonly linksExpire: string | null;
  readonly facts: readonly { readonly label: string; readonly value: string }[];
}

/** What a job made: the picture small, the files as links, texts as text, and what it was made with. */
export const ResultMail = (props: ResultMailProps) => {
  const { name, title, from, pictures, texts, links, linksExpire, facts } = props;
  return (
    <Page
      preview={from ? `${from.name} sent you a result.` : 'Your result is ready.'}
      reason={
        from
          ? `You get this mail because ${from.name} sent it to you from House of Models.`
          : 'You get this mail because you ordered this at House of Models. You can turn these mails off in your settings.'
      }
    >
      <Heading>
        {from ? `${from.name} sent you a result` : `${title}: your result is ready`}
      </Heading>
      {name && <Paragraph>Hello {name},</Paragraph>}
      {from?.message && <Quote text={from.message} />}
      {pictures.map((picture) => (
        <Picture key={picture.cid} cid={picture.cid} alt={picture.alt} />
      ))}
      {texts.map((output) => (
        <Quote key={output.name} text={output.text} />
      ))}
      {links.map((link) => (
        <Button key={link.url} href={link.url} label={link.label} />
      ))}
      {linksExpire && <Paragraph>The links work until {linksExpire}.</Paragraph>}
      <Facts rows={facts} />
    </Page>
  );
};
