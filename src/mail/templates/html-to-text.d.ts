/** The part of the library that we use; it brings no types of its own. */
declare module 'html-to-text' {
  interface Options {
    readonly wordwrap?: number | false;
    readonly selectors?: readonly { readonly selector: string; readonly format?: string }[];
  }
  /** A converter that has read its options once. */
  export function compile(options: Options): (html: string) => string;
}
