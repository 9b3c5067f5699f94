/** Control characters and marks that reorder or hide the text around them. */
const INVISIBLE =
  /(?![\n\t])[\p{Cc}\p{Cs}\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;
const LINE_BREAK = /\r\n?|[\u0085\u2028\u2029]/g;

const whole = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Cuts to at most `most` characters as a reader counts them, never inside one. */
const cut = (text: string, most: number): string => {
  if (text.length <= most) return text;
  const characters = Array.from(whole.segment(text), ({ segment }) => segment);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
};

/** A single harmless line for subjects and names: no breaks, no hidden marks. */
export const oneLine = (text: string, most = 120): string =>
  cut(text.replace(LINE_BREAK, ' ').replace(/\s+/g, ' ').replace(INVISIBLE, '').trim(), most);

/** Several lines of a person's own words: breaks stay, hidden marks go. */
export const plainLines = (text: string, most = 2_000): string =>
  cut(text.replace(LINE_BREAK, '\n').replace(INVISIBLE, '').trim(), most);

const ADDRESS = /^[^\s\p{Cc}@<>()[\],;:\\"]{1,64}@[^\s\p{Cc}@<>()[\],;:\\"]{1,255}$/u;

/** True for an address that can stand in a header as it is. */
export const isPlainAddress = (address: string): boolean => ADDRESS.test(address);
