/**
 * A folder for all files of one run of the tests. Vitest sets it up before the first of them, and removes it behind the
 * last one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const VARIABLE = "LANEKEEPER_RUN_FOLDER";

/** The folder of this run; of this process where nobody has set one up. */
export function runFolder(): string {
  const shared = process.env[VARIABLE];
  if (shared !== undefined) return shared;
  const own = make();
  process.once("exit", () => remove(own));
  return own;
}

/** Called by vitest for each of its projects: the first call counts. */
export function setup(project: {
  onTestsRerun(listener: () => void): void;
}): (() => void) | undefined {
  if (process.env[VARIABLE] !== undefined) return undefined;
  const folder = make();
  // Sources that were changed since are compiled again.
  project.onTestsRerun(() => {
    for (const name of ["built", "programs"]) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  });
  return () => {
    delete process.env[VARIABLE];
    remove(folder);
  };
}

function make(): string {
  const folder = mkdtempSync(join(tmpdir(), "lanekeeper-run-"));
  process.env[VARIABLE] = folder;
  return folder;
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
