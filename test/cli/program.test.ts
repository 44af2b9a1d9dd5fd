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

describe("a wrong call is helped", () => {
  test.each([
    [["inspct"], "unknown command 'inspct' (Did you mean inspect?); see lanekeeper --help"],
    [
      ["devnet", "--kill", "3"],
      "unknown option '--kill' (Did you mean --kills?); see lanekeeper devnet --help",
    ],
    [
      ["archive", "ls", "file:///nowhere"],
      "required option '--chain-id <id>' not specified; see lanekeeper archive ls --help",
    ],
    [
      ["archive", "list"],
      "unknown command 'list' (Did you mean ls?); see lanekeeper archive --help",
    ],
    [["inspect"], "missing required argument 'directory'; see lanekeeper inspect --help"],
    [
      ["devnet", "--validators", "17"],
      "--validators must be a whole number from 1 to 16; see lanekeeper devnet --help",
    ],
  ])("%j", async (args, words) => {
    const { code, stderr } = await call(...args);
    expect(stderr).toBe(`lanekeeper: USAGE: ${words}\n`);
    expect(code).toBe(2);
  });

  test("no command at all: the help, and exit code 2", async () => {
    const { code, stdout, stderr } = await call();
    expect(stdout).toBe("");
    expect(stderr).toContain("Usage: lanekeeper");
    expect(code).toBe(2);
  });
});

describe("a refusal is a JSON document of its version, where JSON is wanted", () => {
  test.each([
    [["devnet", "--validators", "0", "--json"], "USAGE", 2],
    [["verify", "/nowhere", "--committee", "/nowhere/file", "--json"], "USAGE", 2],
    [["init", "/dev/null", "--chain-id", "x", "--json"], "STORE_EXISTS", 30],
    [["export", "/nowhere", "--to-sei", "/nowhere/sei", "--json"], "NOT_A_STORE", 31],
  ])("%j", async (args, code, exitCode) => {
    const { code: exit, stdout, stderr } = await call(...args);
    const document = JSON.parse(stdout) as Record<string, unknown>;
    expect(document).toMatchObject({ version: 1, ok: false, exitCode, error: { code } });
    expect(stderr).toContain(`lanekeeper: ${code}: `);
    expect(exit).toBe(exitCode);
  });
});

test("--help shows an example, hides the children, and ends with 0", async () => {
  const { code, stdout } = await call("devnet", "--help");
  expect(code).toBe(0);
  expect(stdout).toContain("$ lanekeeper devnet --validators 7");
  const top = await call("--help");
  expect(top.stdout).not.toContain("devnet-validator");
});

test("--version is the package's, and the format of its stores", async () => {
  const manifest = JSON.parse(
    await readFile(new URL("../../package.json", import.meta.url), "utf8"),
  ) as unknown;
  expect(manifest).toMatchObject({ version });
  for (const option of ["--version", "-v"]) {
    const stdout = `${version} (stores of format 2)\n`;
    expect(await call(option)).toEqual({ code: 0, stdout, stderr: "" });
  }
});
