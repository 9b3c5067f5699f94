/**
 * `npm run audit:report`: what the registry knows against our packages. Fails on every high or
 * critical advisory that docs/audit-exceptions.md has no line for, and on lines without one. Exit
 * code 2: the registry's audit service did not answer, so nothing is known.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const SEVERE = ['high', 'critical'];
const EXCEPTIONS = 'docs/audit-exceptions.md';

const { stdout } = spawnSync('npm', ['audit', '--json'], {
  encoding: 'utf8',
  maxBuffer: 64_000_000,
});

const report = (() => {
  try {
    return JSON.parse(stdout);
  } catch {
    return {};
  }
})();

if (!report.vulnerabilities) {
  const reason = report.error?.summary || report.error?.code || report.message || 'no answer';
  console.error(`The audit could not be made (${reason}): nothing is known. Run it again.`);
  process.exit(2);
}

const advisories = new Map();
for (const { via, name } of Object.values(report.vulnerabilities)) {
  for (const one of via.filter((each) => typeof each === 'object')) {
    const id = /GHSA(-\w{4}){3}/.exec(one.url)?.[0] ?? String(one.source);
    advisories.set(id, { id, package: name, severity: one.severity, title: one.title });
  }
}
// A line of the table: | GHSA-… | package | why it does not concern us | until |
const excepted = new Set(
  [...readFileSync(EXCEPTIONS, 'utf8').matchAll(/^\| (GHSA(?:-\w{4}){3}|\d+) /gm)].map(
    ([, id]) => id,
  ),
);

const severe = [...advisories.values()].filter(({ severity }) => SEVERE.includes(severity));
const open = severe.filter(({ id }) => !excepted.has(id));
const stale = [...excepted].filter((id) => !advisories.has(id));
for (const { id, package: name, severity, title } of advisories.values()) {
  console.log(
    `${severity.padEnd(8)} ${id} ${name}: ${title}${excepted.has(id) ? ' (excepted)' : ''}`,
  );
}
for (const id of stale) console.error(`${EXCEPTIONS} has ${id}, which no package has any more.`);
console.log(
  `${advisories.size} advisories, ${severe.length} high or critical, ${open.length} without an exception`,
);
process.exitCode = open.length + stale.length > 0 ? 1 : 0;
