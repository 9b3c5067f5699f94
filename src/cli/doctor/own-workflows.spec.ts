import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { testConfig } from '../../../test/support/config.js';
import { examineOwnWorkflows } from './own-workflows.js';

it('names what is refused with its line, beside what is accepted', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'hom-own-'));
  await cp('examples/workflows/contact-sheet', path.join(folder, 'contact-sheet'), {
    recursive: true,
  });
  await mkdir(path.join(folder, 'broken'));
  await writeFile(path.join(folder, 'broken', 'workflow.yaml'), 'id: broken\ntitle: 7\n');
  const findings = examineOwnWorkflows(testConfig({ WORKFLOWS_DIR: folder }));
  await rm(folder, { recursive: true });
  expect(findings).toMatchObject([
    { verdict: 'ok', detail: 'contact-sheet' },
    {
      verdict: 'bad',
      detail: expect.stringMatching(/^"broken" is refused: .*workflow\.yaml:\d+ /),
    },
  ]);
  expect(examineOwnWorkflows(testConfig({}))).toEqual([]);
});
