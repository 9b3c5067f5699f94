import { VARIABLES } from './variables.js';

/** The Markdown table of all environment variables, for the README; `npm run gen` puts it there. */
export const environmentTable = (): string => {
  const lines = ['| variable | default | what it is |', '|---|---|---|'];
  let group = '';
  for (const [name, variable] of Object.entries(VARIABLES)) {
    if (variable.group !== group) {
      group = variable.group;
      lines.push(`| **${group}** | | |`);
    }
    const required = variable.isRequiredInProduction ? '*' : '';
    const secret = variable.isSecret ? ' (secret)' : '';
    const fallback = variable.fallback ? `\`${variable.fallback}\`` : '';
    lines.push(`| \`${name}\`${required} | ${fallback} | ${variable.description}${secret} |`);
  }
  return lines.join('\n');
};
