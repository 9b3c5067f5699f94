import { describe, expect, it } from 'vitest';
import { isCommonPassword } from './common-passwords.js';

describe('isCommonPassword', () => {
  it.each(['password', 'Password1', 'QWERTYUIOP', '12345678', 'iloveyou'])('knows %s', (word) => {
    expect(isCommonPassword(word)).toBe(true);
  });

  it.each(['correct horse battery staple', 'a-cup-of-coffee-7', 'password '])(
    'allows %j',
    (word) => {
      expect(isCommonPassword(word)).toBe(false);
    },
  );
});
