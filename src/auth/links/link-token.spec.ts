import { describe, expect, it } from 'vitest';
import { claimedLinkId, isTokenOf, linkToken, type LinkContent } from './link-token.js';

const KEY = 'k'.repeat(32);
const content: LinkContent = {
  id: '6f0d2c1e-8a34-4c2b-9f57-0123456789ab',
  purpose: 'verify-email',
  address: 'ada@example.com',
};

describe('a link token', () => {
  const token = linkToken(KEY, content);

  it('names its row and proves its content', () => {
    expect(claimedLinkId(token)).toBe(content.id);
    expect(isTokenOf(KEY, token, content)).toBe(true);
  });

  it.each([
    ['another purpose', { ...content, purpose: 'reset-password' as const }],
    ['another address', { ...content, address: 'bob@example.com' }],
    ['another row', { ...content, id: '6f0d2c1e-8a34-4c2b-9f57-0123456789ac' }],
  ])('is refused for %s', (_what, other) => {
    expect(isTokenOf(KEY, token, other)).toBe(false);
  });

  it('is refused under another key', () => {
    expect(isTokenOf('x'.repeat(32), token, content)).toBe(false);
  });

  it.each(['', 'x', `${content.id}.`, `${content.id}.${'a'.repeat(42)}`, `${token}x`, `x${token}`])(
    'has one form only, unlike %j',
    (text) => {
      expect(claimedLinkId(text)).toBeUndefined();
    },
  );
});
