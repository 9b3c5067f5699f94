import { describe, expect, it } from 'vitest';
import { withTable } from './environment.command.js';

describe('withTable', () => {
  it('replaces what is between the markers and nothing else', () => {
    const once = withTable(
      '# A\n\n<!-- environment -->\nold\n<!-- /environment -->\n\n## B\n',
      'T1',
    );
    expect(once).toContain('T1');
    expect(once).not.toContain('old');
    expect(once).toMatch(/^# A\n/);
    expect(once).toMatch(/\n## B\n$/);
    expect(withTable(once, 'T1')).toBe(once);
  });

  it('adds the markers at the end where there are none', () => {
    const once = withTable('# A\n', 'T1');
    expect(once).toMatch(/^# A\n\n## Environment\n/);
    expect(withTable(once, 'T1')).toBe(once);
  });
});
