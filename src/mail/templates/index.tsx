import { plainTextSelectors, render } from '@react-email/render';
import { compile } from 'html-to-text';
import type { ReactElement } from 'react';
import type { Letter } from '../letters/letter.js';
import { AccountMail } from './account-mail.js';
import { FailureMail } from './failure-mail.js';
import { ResultMail } from './result-mail.js';

/** Facts as columns; everything else as the renderer does it, but with its selectors read only once. */
const toPlainText = compile({
  wordwrap: false,
  selectors: [...plainTextSelectors, { selector: 'table.facts', format: 'dataTable' }],
});

const elementOf = (letter: Letter): ReactElement => {
  switch (letter.template) {
    case 'account':
      return <AccountMail {...letter.props} />;
    case 'result':
      return <ResultMail {...letter.props} />;
    case 'failure':
      return <FailureMail {...letter.props} />;
  }
};

/** The letter as HTML and as plain text. Every word in it is escaped. */
export const renderLetter = async (letter: Letter): Promise<{ html: string; text: string }> => {
  const html = await render(elementOf(letter));
  return { html, text: toPlainText(html) };
};
