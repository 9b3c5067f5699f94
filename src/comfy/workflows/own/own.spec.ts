import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkParameters } from '../parameters.js';
import { loadOwnWorkflows } from './index.js';

const EXAMPLES = 'examples/workflows';
const FRAME = 'scale-sharpen-frame';
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hom-own-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of the frame example with some text of one of its files replaced. */
const variation = (name: string, file: string, from: string, to: string): void => {
  cpSync(path.join(EXAMPLES, FRAME), path.join(folder, name), { recursive: true });
  const target = path.join(folder, name, file);
  const before = readFileSync(target, 'utf8');
  expect(before, `"${from}" is in the example`).toContain(from);
  writeFileSync(target, before.replace(from, to));
};

const lineOf = (name: string, file: string, text: string): number =>
  readFileSync(path.join(folder, name, file), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1;

describe('loadOwnWorkflows', () => {
  it('loads the examples, with defaults from their graphs', () => {
    const { workflows, refusals } = loadOwnWorkflows(EXAMPLES);
    expect(refusals).toEqual([]);
    expect(workflows.map(({ id }) => id)).toEqual(['contact-sheet', FRAME]);
    expect(workflows[1]!.parameters).toMatchObject({
      sharpness: { type: 'number', default: 0.6, maximum: 3 },
      padding: { enum: ['white', 'black'], default: 'white' },
    });
  });

  it('fills in pictures, parameters and prefixes and nothing else', () => {
    const [sheet, frame] = loadOwnWorkflows(EXAMPLES).workflows;
    const checked = checkParameters(frame!, { sharpness: 2 }, 'json');
    if (!checked.ok) throw new Error('refused');
    const graph = frame!.build(checked.parameters, {
      images: { image: 'a.png' },
      filenamePrefix: 'hom/p',
    });
    const template = JSON.parse(
      readFileSync(path.join(EXAMPLES, FRAME, 'graph.json'), 'utf8'),
    ) as Record<string, { inputs: Record<string, unknown> }>;
    template['1']!.inputs['image'] = 'a.png';
    template['3']!.inputs['alpha'] = 2;
    template['6']!.inputs['filename_prefix'] = 'hom/p/6';
    expect(graph).toEqual(template);
    const sheetGraph = sheet!.build({}, { images: { image: 'a', third: 'c' }, filenamePrefix: '' });
    expect(['1', '2', '3', '4'].map((id) => sheetGraph[id]!.inputs['image'])).toEqual([
      'a',
      'a',
      'c',
      'a',
    ]);
  });

  it.each([
    ['workflow.yaml', 'credits: 1', 'credits: -1', 'credits: -1', 'credits must be >= 0'],
    ['workflow.yaml', 'title: Scale', 'name: x\ntitle: Scale', 'name: x', 'name is not known'],
    ['workflow.yaml', 'input: alpha', 'input: beta', 'input: beta', '3.beta is no input'],
    ['workflow.yaml', 'input: alpha', 'input: image', 'input: image', 'linked to another node'],
    ['workflow.yaml', "node: '4', input: color", "node: '44', input: color", "'44'", 'no node 44'],
    ['workflow.yaml', 'input: color', 'input: width', '', 'none'],
    ['workflow.yaml', 'type: number', 'type: string', 'input: alpha', 'which is no string'],
    [
      'workflow.yaml',
      "node: '3', input: alpha",
      "node: '6', input: filename_prefix",
      'filename_prefix',
      'set by the product',
    ],
    [
      'workflow.yaml',
      'graph: graph.json',
      'graph: ../secret.json',
      '../secret',
      'graph must match',
    ],
    ['workflow.yaml', 'graph: graph.json', 'graph: gone.json', '', 'cannot be read'],
    ['workflow.yaml', 'id: scale', 'id: [', '', ''],
    ['workflow.yaml', 'role: image', 'role: photo', 'role: photo', 'the role image'],
    ['graph.json', '"1",', '"9",', '"9",', 'links to node 9'],
    ['graph.json', '"class_type": "LoadImage",', '', '"1": {', 'node 1 has no class_type'],
    ['graph.json', '{', '{ "nodes": [],', '', 'export it'],
    ['graph.json', '}', '', '', ''],
  ])('refuses %s with "%s" → "%s" by line and reason', (file, from, to, near, reason) => {
    variation('wrong', file, from, to);
    cpSync(path.join(EXAMPLES, 'contact-sheet'), path.join(folder, 'right'), { recursive: true });
    const { workflows, refusals } = loadOwnWorkflows(folder);
    if (reason === 'none') {
      expect(refusals).toEqual([]);
      return;
    }
    expect(workflows.map(({ id }) => id)).toEqual(['contact-sheet']);
    expect(refusals).toMatchObject([{ name: 'wrong', reason: expect.stringContaining(reason) }]);
    if (near !== '') {
      expect(refusals[0]).toMatchObject({
        file: path.join('wrong', file),
        line: lineOf('wrong', file, near),
      });
    }
  });

  it('refuses a default that breaks its own limits', () => {
    variation('wrong', 'workflow.yaml', 'maximum: 3', 'maximum: 0.5');
    expect(loadOwnWorkflows(folder).refusals[0]?.reason).toContain('sharpness');
  });

  it('refuses an id that is taken, and a folder without a manifest', () => {
    cpSync(EXAMPLES, folder, { recursive: true });
    cpSync(path.join(EXAMPLES, FRAME), path.join(folder, 'twin'), { recursive: true });
    mkdirSync(path.join(folder, 'empty'));
    const { workflows, refusals } = loadOwnWorkflows(folder, ['contact-sheet']);
    expect(workflows.map(({ id }) => id)).toEqual([FRAME]);
    expect(refusals.map(({ name }) => name)).toEqual(['contact-sheet', 'empty', 'twin']);
  });

  it('says so when the folder is not there', () => {
    expect(loadOwnWorkflows(path.join(folder, 'nowhere')).refusals).toHaveLength(1);
  });
});
