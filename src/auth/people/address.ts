import { domainToASCII } from 'node:url';

/**
 * The one spelling of a mail address that is stored, compared and written to: trimmed, lower case,
 * the domain in ASCII. Text that is no address comes back unchanged for validation to refuse.
 */
export const normaliseAddress = (text: string): string => {
  const trimmed = text.trim();
  const at = trimmed.lastIndexOf('@');
  const domain = at > 0 ? domainToASCII(trimmed.slice(at + 1)) : '';
  return domain ? `${trimmed.slice(0, at).toLowerCase()}@${domain}` : trimmed;
};
