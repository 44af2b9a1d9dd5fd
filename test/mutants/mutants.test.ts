/** The planted bugs fit the sources: whoever changes a line that one of them changes, changes both. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("../../scripts/mutants.mjs", import.meta.url));
const PLANTED_MIN = 245;

function run(
  ...args: readonly string[]
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...args], (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

test("every planted bug fits the sources", async () => {
  const { code, stdout, stderr } = await run("--check");
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(Number.parseInt(stdout, 10)).toBeGreaterThanOrEqual(PLANTED_MIN);
});

test("a bug that there is not is no success", async () => {
  const { code, stderr } = await run("--check", "--only", "no-such-bug");
  expect(code).not.toBe(0);
  expect(stderr).toContain("no-such-bug");
});
