import type { Fact } from '../letters/wording.js';
import { Facts, Heading, Page, Paragraph, Quote } from './components.js';

export interface FailureMailProps {
  readonly name: string | null;
  readonly title: string;
  /** What went wrong and what helps, in the words of the API. */
  readonly message: string;
  readonly hint: string | null;
  readonly facts: readonly Fact[];
}

/** A job of the reader's failed. */
export const FailureMail = ({ name, title, message, hint, facts }: FailureMailProps) => (
  <Page
    preview="Nothing was charged."
    reason="You get this mail because you ordered this at House of Models and asked to hear of failures too. You can change that in your settings."
  >
    <Heading>{title} did not succeed</Heading>
    {name && <Paragraph>Hello {name},</Paragraph>}
    <Paragraph>We could not finish what you ordered. Nothing was charged.</Paragraph>
    <Quote text={message} />
    {hint && <Paragraph>{hint}</Paragraph>}
    <Facts rows={facts} />
  </Page>
);
