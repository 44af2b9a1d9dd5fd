/**
 * A vitest reporter. The last line of the output is `N passed, N failed`; before it stand a line for each failure,
 * the size of the campaigns, the seed if one was named, and `N skipped` if any were. A file that could not be loaded,
 * a failed hook of a suite and an error that no test caught count as one failure each.
 */
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

/** The line of a failure begins with this: `.ci/run` says all of them again at its end. */
const FAILED = "FAILED ";
const CLIPPED_CHARS = 300;

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

/** A line for each failure, in the order of the files: the file, the full name, the first line of the error. */
export function failures(testModules, unhandledErrors) {
  const lines = unhandledErrors.map((error) => line("an error that no test caught", error));
  for (const testModule of testModules) {
    const file = testModule.relativeModuleId;
    for (const error of testModule.errors()) lines.push(line(file, error));
    for (const suite of testModule.children.allSuites()) {
      for (const error of suite.errors()) lines.push(line(`${file} > ${suite.fullName}`, error));
    }
    for (const test of testModule.children.allTests()) {
      const { state, errors } = test.result();
      const name = `${file} > ${test.fullName}`;
      if (state === "failed") lines.push(line(name, errors?.[0]));
      if (state === "pending") lines.push(line(name, { message: "it did not end" }));
    }
  }
  return lines.sort();
}

function line(name, error) {
  const told = stripVTControlCharacters(String(error?.message ?? error ?? "")).trim();
  const [first = ""] = told.split("\n");
  const [frame] = error?.stacks ?? [];
  const place = frame ? ` (${relative(process.cwd(), frame.file)}:${frame.line})` : "";
  return `${FAILED}${name.replaceAll("\n", " ")}: ${first.slice(0, CLIPPED_CHARS)}${place}`;
}

export default class TotalsReporter {
  #lines = "";

  onInit() {
    // On exit, not at the end of the run: other reporters may print after this one.
    process.once("exit", () => process.stdout.write(this.#lines));
  }

  onTestRunEnd(testModules, unhandledErrors) {
    const { passed, failed, skipped } = count(testModules, unhandledErrors);
    const told = failures(testModules, unhandledErrors).map((each) => `${each}\n`);
    const { LANEKEEPER_SCALE: scale, LANEKEEPER_SEED: seed } = process.env;
    const drawn = seed === undefined ? "" : `, drawn with LANEKEEPER_SEED=${seed}`;
    const size = `campaigns at ${scale} of their full size${drawn}\n`;
    const left = skipped > 0 ? `${skipped} skipped, each with its reason above\n` : "";
    this.#lines = `${told.join("")}${size}${left}${passed} passed, ${failed} failed\n`;
  }
}
