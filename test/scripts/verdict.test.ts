/** The last lines of a run, read alone, say everything that failed in it. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder = "";

afterEach(() => rmSync(folder, { recursive: true }));

/** The last lines that a program prints, from the first failure on. */
function verdictOf(program: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  const { status, stdout } = spawnSync(program, args, { cwd: folder, env, encoding: "utf8" });
  return { status, verdict: stdout.slice(stdout.search(/^FAILED /m)) };
}

/** The environment of a user, and not that of a worker of this run. */
const own = /^(?:VITEST|LANEKEEPER|NODE_)/;
const ofUser = Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));

test("a run of tests ends with the file, the name and the error of each failure", () => {
  // Inside node_modules, where vitest is found from.
  folder = mkdtempSync(join(root, "node_modules", ".lanekeeper-verdict-"));
  writeFileSync(
    join(folder, "some.test.ts"),
    `import { beforeAll, describe, expect, test } from "vitest";
test("holds", () => {});
test("differs", () => { expect({ a: 1 }, "two\\nlines").toEqual({ a: 2 }); });
describe("a suite", () => {
  test("hangs", async () => { await new Promise(() => {}); }, 20);
  describe("begins badly", () => {
    beforeAll(() => { throw new Error("no ground"); });
    test("is not reached", () => {});
  });
});
test("strays", async () => {
  void Promise.reject(new Error("nobody holds it"));
  await new Promise((resolve) => setTimeout(resolve, 20));
});
`,
  );
  writeFileSync(join(folder, "other.test.ts"), `import "./missing.js";\n`);
  const reporter = join(root, "scripts", "check", "totals-reporter.mjs");
  const config = { test: { exclude: [], reporters: ["default", reporter] } };
  writeFileSync(join(folder, "vitest.config.mjs"), `export default ${JSON.stringify(config)};`);
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const env = { ...ofUser, LANEKEEPER_SCALE: "0.5" };
  const { status, verdict } = verdictOf(process.execPath, [vitest, "run"], env);
  expect(verdict.replace(/Cannot find .*(?= \()/, "it is missing").split("\n")).toEqual([
    "FAILED an error that no test caught: nobody holds it (some.test.ts:12)",
    "FAILED other.test.ts: it is missing (other.test.ts:1)",
    "FAILED some.test.ts > a suite > begins badly: no ground (some.test.ts:7)",
    "FAILED some.test.ts > a suite > hangs: Test timed out in 20ms. (some.test.ts:5)",
    "FAILED some.test.ts > differs: two (some.test.ts:3)",
    "campaigns at 0.5 of their full size",
    "1 skipped, each with its reason above",
    "2 passed, 5 failed",
    "",
  ]);
  expect(status).toBe(1);
});

/** A checkout with the real `.ci/run`, in which `npm` does what `cases` of a shell say. */
function checkoutWhere(cases: string): NodeJS.ProcessEnv {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-ci-"));
  cpSync(join(root, ".ci"), join(folder, ".ci"), { recursive: true });
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const program = (name: string, lines: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${lines}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  program("chromium", "exit 0");
  program("npm", `case "$*" in\n${cases}\nesac`);
  return { ...ofUser, PATH: `${bin}:${process.env["PATH"] ?? ""}` };
}

test(".ci/run ends with each failure of each of its runs", () => {
  const env = checkoutWhere(`
ci) ;;
*check) echo "FAILED types"; echo "FAILED lint"; exit 1 ;;
"run --silent test") echo "FAILED a.test.ts > b: c"; echo "FAILED d.test.ts: e"; echo "5 passed, 2 failed"; exit 1 ;;
*campaigns) echo "it breaks off"; exit 137 ;;
*campaigns*) echo "3 passed, 0 failed" ;;
install*) exit 1 ;;`);
  const { status, verdict } = verdictOf(join(folder, ".ci", "run"), [], env);
  expect(verdict.slice(verdict.indexOf("FAILED check: ")).split("\n")).toEqual([
    "FAILED check: types",
    "FAILED check: lint",
    "FAILED tests: a.test.ts > b: c",
    "FAILED tests: d.test.ts: e",
    "FAILED campaigns: it ended with exit code 137, and told no failure",
    "8 passed, 4 failed",
    "",
  ]);
  expect(status).toBe(1);
});

test(".ci/run without a failure says none, and ends with 0", () => {
  const env = checkoutWhere(`
ci|*check) ;;
install*) exit 1 ;;
*) echo "2 passed, 0 failed" ;;`);
  const run = spawnSync(join(folder, ".ci", "run"), [], { cwd: folder, env, encoding: "utf8" });
  expect(run.stdout).not.toContain("FAILED");
  expect(run.stdout).toMatch(/\n6 passed, 0 failed\n$/);
  expect(run.status).toBe(0);
});
