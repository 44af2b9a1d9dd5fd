import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { call } from "../program-kit.js";

let folder = "";
let file = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-key-"));
  file = join(folder, "state.key");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("`key new` makes a file for its owner alone, and `key id` names the key in it", async () => {
  const made = await call("key", "new", file);
  expect(made).toMatchObject({ code: 0, stderr: "" });
  const [, id] = /holds the key ([0-9a-f]{16})\n$/.exec(made.stdout) ?? [];
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await call("key", "id", file)).toMatchObject({ code: 0, stdout: `${id}\n` });
  const { stdout } = await call("key", "id", file, "--json");
  expect(JSON.parse(stdout)).toEqual({ version: 1, ok: true, exitCode: 0, file, id });
});

test("`key new` never writes over a file", async () => {
  const { stdout } = await call("key", "new", file);
  const again = await call("key", "new", file);
  expect(again.code).toBe(49);
  expect(again.stderr).toContain("KEY_REFUSED");
  const id = await call("key", "id", file);
  expect(stdout).toContain(id.stdout.trim());
});

test("`key id` refuses a file that others can read", async () => {
  await call("key", "new", file);
  chmodSync(file, 0o644);
  const { code, stderr } = await call("key", "id", file);
  expect(code).toBe(49);
  expect(stderr).toContain("chmod 600");
});

test("a file without a name is refused", async () => {
  expect((await call("key", "new", "")).code).toBe(2);
  expect((await call("key", "id", "")).code).toBe(2);
});
