import { dictionary } from '@zxcvbn-ts/language-common';

const SHORTEST = 8;

const COMMON: ReadonlySet<string> = new Set(
  dictionary['passwords-common'].filter((word) => word.length >= SHORTEST),
);

/** True for the passwords that are tried first; letter case does not help. */
export const isCommonPassword = (password: string): boolean => COMMON.has(password.toLowerCase());
