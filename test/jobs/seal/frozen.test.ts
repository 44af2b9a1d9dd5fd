/** A sealed store of jobs that was written once, and must open for ever with its keys, and never without them. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { KeyChoices } from "../../../src/keys/source.js";
import { codeOf, folder, openStore, shown } from "../kit.js";
import { contents, filesWith } from "./kit.js";

interface Frozen {
  /** The files by their path, gzipped, in base64. */
  readonly files: Readonly<Record<string, string>>;
  readonly holds: {
    readonly job: string;
    readonly category: string;
    readonly rows: readonly (readonly [string, string])[];
  };
}

const file = fileURLToPath(new URL("./frozen/jobs.json", import.meta.url));
const { files, holds } = JSON.parse(readFileSync(file, "utf8")) as Frozen;
/** As in `write.mjs`. */
const keyOf = (name: string): Buffer => createHash("sha256").update(`frozen key: ${name}`).digest();
const [older, newer] = [keyOf("older"), keyOf("newer")];

function thawed(): string {
  const root = folder();
  for (const [path, bytes] of Object.entries(files)) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, gunzipSync(Buffer.from(bytes, "base64")));
  }
  return root;
}

async function rowsIn(root: string, keys: KeyChoices): Promise<readonly string[]> {
  const store = await openStore(root, { keys, moved: true });
  const job = await store.openJob(holds.job);
  const rows = shown(await job.scan(holds.category).all());
  await store.waitForRotation();
  expect(contents(store)).toHaveLength(1);
  await store.close();
  return rows;
}

test("E15 a frozen store of jobs opens with its keys, and so does what this version made of it", async () => {
  const root = thawed();
  expect(filesWith(root, "frozen value")).not.toEqual([]);
  const rows = holds.rows.map((row) => row.join("="));
  expect(await rowsIn(root, { write: newer, read: [older] })).toEqual(rows);
  expect(filesWith(root, "frozen value")).toEqual([]);
  expect(await rowsIn(root, { write: keyOf("another"), read: [newer] })).toEqual(rows);
  expect(await rowsIn(root, { write: keyOf("another") })).toEqual(rows);
});

test.each([
  ["without keys", undefined],
  ["with the older key alone", { write: older }],
  ["with the newer key alone", { write: newer }],
  ["with another key", { write: keyOf("another") }],
] as const)("E15 it is refused %s", async (_, keys) => {
  const root = thawed();
  const open = async (): Promise<void> => {
    const store = await openStore(root, { keys, moved: true });
    await store.openJob(holds.job);
  };
  expect(await codeOf(open)).toBe("KEY_MISSING");
});
