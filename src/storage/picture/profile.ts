/** True when the ICC profile carries this name, as ASCII (version 2) or UTF-16 (version 4). */
export const isProfile = (icc: Buffer | undefined, name: string): boolean =>
  icc !== undefined && (icc.includes(name) || icc.includes(Buffer.from(name, 'utf16le').swap16()));
