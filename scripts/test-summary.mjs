/**
 * Adds up vitest's JSON reports: prints "N passed, N failed, N skipped" and exits with 1 unless at
 * least one test passed and none failed or was skipped. A report that is missing counts as a failure.
 */
import { readFileSync } from 'node:fs';

const total = { passed: 0, failed: 0, skipped: 0 };
for (const file of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    total.passed += report.numPassedTests;
    total.failed += report.numFailedTests;
    total.skipped += report.numPendingTests + report.numTodoTests;
    // A file that could not be collected has no tests to count.
    total.failed += report.testResults.filter(
      (suite) => suite.status === 'failed' && suite.assertionResults.length === 0,
    ).length;
  } catch (error) {
    console.error(`${file}: ${error.message}`);
    total.failed += 1;
  }
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.passed > 0 && total.failed === 0 && total.skipped === 0 ? 0 : 1);
