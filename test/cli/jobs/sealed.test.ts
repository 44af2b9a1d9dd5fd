/** `lanekeeper jobs` and `lanekeeper key rotate` over a store of jobs whose values are sealed. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { JobStore } from "../../../src/jobs/index.js";
import { errorCodes } from "../../../src/types/error-codes.js";
import { folder } from "../../jobs/kit.js";
import { filesWith, hidden, hide, upTo } from "../../jobs/seal/kit.js";
import { call } from "../program-kit.js";

let base: string;
let root: string;
let older: string;
let newer: string;

beforeEach(async () => {
  base = folder();
  [root, older, newer] = [join(base, "jobs"), join(base, "older.key"), join(base, "newer.key")];
  for (const file of [older, newer]) await call("key", "new", file);
  await using store = await JobStore.open(root, { keys: { write: { file: older } } });
  await hide(await store.openJob("peers"), 0, 3);
});

const get = (...more: string[]) => call("jobs", "get", root, "peers", "hidden", "0002", ...more);

test("values are read with the key, and without it nothing is", async () => {
  const secret = Buffer.from("the secret value 2").toString("hex");
  expect(await get("--key", older)).toMatchObject({ code: 0, stdout: `${secret}\n` });
  expect(await get()).toMatchObject({ code: errorCodes.KEY_MISSING.exit, stdout: "" });
  expect(await get("--key", newer)).toMatchObject({ code: errorCodes.KEY_MISSING.exit });
  const { stdout } = await call("jobs", "ls", root, "--key", newer, "--key", older);
  expect(stdout).toMatch(/^peers {2}schema 1, .*, under [0-9a-f]{16}\n$/);
  expect((await call("jobs", "verify", root, "--key", older)).stdout).toMatch(/^peers: 3 rows/);
});

test("a command leaves the key that writes, whatever the order of the files", async () => {
  await call("jobs", "ls", root, "--key", newer, "--key", older);
  await using store = await JobStore.open(root, { keys: { write: { file: older } } });
  expect(await hidden(await store.openJob("peers"))).toEqual(upTo(3));
});

test("an export in plain form is a choice of its own", async () => {
  const refused = await call("jobs", "export", root, "--key", older);
  expect(refused).toMatchObject({ code: errorCodes.USAGE.exit, stdout: "" });
  expect(refused.stderr).toContain("--plaintext");
  const printed = await call("jobs", "export", root, "--key", older, "--plaintext");
  expect(printed.stdout.trim().split("\n")).toHaveLength(3);
});

test("an import into a new store seals it with the first key", async () => {
  const [data, copy] = [join(base, "data"), join(base, "copy")];
  mkdirSync(data);
  await call("jobs", "export", root, "--key", older, "--plaintext", "--to-sqlite", data);
  expect(readdirSync(data)).not.toEqual([]);
  const taken = await call("jobs", "import", copy, "--from-sqlite", data, "--key", newer);
  expect(taken).toMatchObject({ code: 0 });
  expect(filesWith(copy, "the secret value")).toEqual([]);
  await using store = await JobStore.open(copy, { keys: { write: { file: newer } } });
  expect(await hidden(await store.openJob("peers"))).toEqual(upTo(3));
});

test("E11 a rotation of a store of jobs ends when no value needs the older key", async () => {
  const rehearsed = await call("key", "rotate", root, "--key", newer, "--dry-run");
  expect(rehearsed.stdout).toMatch(
    /values of its jobs, would be sealed .*; missing: [0-9a-f]{16}\n$/,
  );
  const done = await call("key", "rotate", root, "--key", newer, "--read", older);
  expect(done).toMatchObject({ code: 0 });
  expect(done.stdout).toMatch(/older keys can go\n$/);
  await using store = await JobStore.open(root, { keys: { write: { file: newer } } });
  expect(await hidden(await store.openJob("peers"))).toEqual(upTo(3));
});
