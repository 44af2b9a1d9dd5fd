/** The command line as a whole: wrong calls, help, version. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { version } from "../../src/cli/version.js";
import { call } from "./program-kit.js";

describe("a wrong call ends with exit code 2 and one line", () => {
  test.each([
    [["devnet", "--validators", "0"]],
    [["devnet", "--validators"]],
    [["devnet", "--lane", "3"]],
    [["devnet", "--payload", "16KB "]],
    [["devnet", "--payload", "3MiB"]],
    [["devnet", "--kills", "many"]],
    [["devnet", "--sabotage", "everything"]],
    [["devnet", "now"]],
    [["walk"]],
  ])("%j", async (args) => {
    const { code, stdout, stderr } = await call(...args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^lanekeeper: [^\n]+\n$/);
  });
});

test("--help shows an example, hides the children, and ends with 0", async () => {
  const { code, stdout } = await call("devnet", "--help");
  expect(code).toBe(0);
  expect(stdout).toContain("$ lanekeeper devnet --validators 7");
  const top = await call("--help");
  expect(top.stdout).not.toContain("devnet-validator");
});

test("--version is the package's", async () => {
  const manifest = JSON.parse(
    await readFile(new URL("../../package.json", import.meta.url), "utf8"),
  ) as unknown;
  expect(manifest).toMatchObject({ version });
  expect((await call("--version")).stdout).toBe(`${version}\n`);
});
