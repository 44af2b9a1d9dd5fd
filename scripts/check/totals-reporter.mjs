/**
 * A vitest reporter. The last line of the output is `N passed, N failed`; before it stand the size of the
 * campaigns, and `N skipped` if any were. A file that could not be loaded, a failed hook of a suite and
 * an error that no test caught count as one failure each.
 */

/** The sums over all tests of a run. */
export function count(testModules, unhandledErrors) {
  const totals = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  for (const testModule of testModules) {
    totals.failed += testModule.errors().length;
    for (const suite of testModule.children.allSuites()) totals.failed += suite.errors().length;
    for (const test of testModule.children.allTests()) {
      const { state } = test.result();
      // A test still pending at the end was never finished: its worker died, or the run was cut.
      totals[state === "pending" ? "failed" : state] += 1;
    }
  }
  return totals;
}

export default class TotalsReporter {
  #line = "";

  onInit() {
    // On exit, not at the end of the run: other reporters may print after this one.
    process.once("exit", () => process.stdout.write(this.#line));
  }

  onTestRunEnd(testModules, unhandledErrors) {
    const { passed, failed, skipped } = count(testModules, unhandledErrors);
    const scale = `campaigns at ${process.env.LANEKEEPER_SCALE} of their full size\n`;
    const left = skipped > 0 ? `${skipped} skipped, each with its reason above\n` : "";
    this.#line = `${scale}${left}${passed} passed, ${failed} failed\n`;
  }
}
