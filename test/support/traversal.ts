/** Two dots, as seen by decoders of every kind. */
const DOTS = [
  '..',
  '%2e%2e',
  '.%2e',
  '%252e%252e',
  '%c0%ae%c0%ae',
  '%uff0e%uff0e',
  '．．',
  '․․',
  '..%00',
  '..\0',
  '..;',
  '. .',
  '....',
];
const SEPARATORS = [
  '/',
  '\\',
  '//',
  '%2f',
  '%5c',
  '%252f',
  '%c0%af',
  '%u2215',
  '∕',
  '／',
  '＼',
  '/./',
];
const ENDS = ['canary.png', 'etc/passwd'];

/**
 * More than 300 strings that mean a place outside of the folder for somebody who decodes once too
 * often. `folder` is one with a `canary.png` in it.
 */
export const traversalTricks = (folder: string): readonly string[] => {
  const climbs = DOTS.flatMap((dots) =>
    SEPARATORS.flatMap((separator) =>
      ENDS.map((end) => `${`${dots}${separator}`.repeat(3)}${end.replaceAll('/', separator)}`),
    ),
  );
  const target = `${folder}/canary.png`;
  const absolute = [
    target,
    `/${target}`,
    `file://${target}`,
    `inputs/..${target}`,
    target.replaceAll('/', '\\'),
    target.replaceAll('/', '%2f'),
    `${target}\0.png`,
    `${target}%00.png`,
    'C:\\canary.png',
    'C:/x/canary.png',
    '\\\\?\\C:\\canary.png',
    '\\\\host\\share\\canary.png',
    '~/canary.png',
    '$HOME/canary.png',
    '/proc/self/cwd/canary.png',
    '/dev/stdin',
    'inputs/.',
    'inputs/..',
    'inputs/../inputs/../../canary.png',
    'inputs/\r\n/canary.png',
    'inputs/\u202egnp.yranac/x',
    'inputs/.incoming/x',
    '.incoming/x',
    'inputs/a/b/c/d/e/f',
    'inputs//x',
    'inputs/x/',
    `inputs/${'a'.repeat(5_000)}`,
    '',
    '/',
    '.',
    '..',
  ];
  return [...new Set([...climbs, ...absolute])];
};
