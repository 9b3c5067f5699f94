/**
 * Adds up vitest's JSON reports: tells each test that failed or was skipped, with its file and its
 * message, then prints "N passed, N failed, N skipped" and exits with 1 unless at least one test
 * passed and none failed or was skipped. A report that is missing counts as a failure.
 *
 * The failures come last in a long log, because its end is what a reader of CI is shown.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const total = { passed: 0, failed: 0, skipped: 0 };

function tell(kind, suite, name, message = '') {
  console.log(`${kind}: ${relative('', suite.name)} > ${name}`);
  for (const line of message.split('\n').slice(0, 12)) {
    if (line.trim() !== '') console.log(`  ${line}`);
  }
}

for (const file of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    total.passed += report.numPassedTests;
    total.failed += report.numFailedTests;
    total.skipped += report.numPendingTests + report.numTodoTests;
    for (const suite of report.testResults) {
      // A file that could not be collected, or whose hook failed, has no failed test to count.
      if (
        suite.status === 'failed' &&
        !suite.assertionResults.some((test) => test.status === 'failed')
      ) {
        total.failed += 1;
        tell('failed', suite, 'the file itself', suite.message);
      }
      for (const test of suite.assertionResults) {
        if (test.status === 'passed') continue;
        const kind = test.status === 'failed' ? 'failed' : 'skipped';
        tell(kind, suite, test.fullName, test.failureMessages?.join('\n'));
      }
    }
  } catch (error) {
    console.error(`${file}: ${error.message}`);
    total.failed += 1;
  }
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.passed > 0 && total.failed === 0 && total.skipped === 0 ? 0 : 1);
