/** `import --from-walmanager`: a log of WalManager, encrypted or not, becomes a journal. */
import { createCipheriv } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { crc32c } from "../../../src/codec/crc32c.js";
import { Journal } from "../../../src/records/journal.js";
import { walTypes } from "../../../src/walmanager/record-types.js";
import { call } from "../program-kit.js";

const KEY = Buffer.alloc(32, 7);
let folder = "";
const at = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-wal-"));
  mkdirSync(at("wal"));
  writeFileSync(at("key"), KEY, { mode: 0o600 });
  const records = ["one", "two", "three"].map((text, index) => record(BigInt(index + 1), text));
  writeFileSync(at("wal/wal-00000000000000000001.seg"), Buffer.concat(records));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A record of the later version, of a process that drew the bytes 9, 9, 9, 9. */
function record(lsn: bigint, text: string): Buffer {
  const header = Buffer.alloc(30);
  header.set([0x57, 0x4e, 0x59, 0x53]);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(0x8001, 6);
  header.writeBigUInt64LE(lsn, 8);
  const nonce = Buffer.alloc(12, 9);
  nonce.writeBigUInt64LE(lsn, 4);
  const cipher = createCipheriv("aes-256-gcm", KEY, nonce).setAAD(header);
  const stored = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  header.writeUInt16LE(0xc001, 6);
  header.writeUInt32LE(stored.length, 22);
  header.writeUInt32LE(crc32c(stored, crc32c(header.subarray(0, 26))), 26);
  return Buffer.concat([header, stored]);
}

async function texts(): Promise<string[]> {
  const found: string[] = [];
  await using journal = await Journal.open(at("store"), { types: Object.values(walTypes) });
  for await (const { payload } of journal.replay()) found.push(Buffer.from(payload).toString());
  return found;
}

test("what WalManager cannot read any more is rescued; a second import finds all of it there", async () => {
  const args = ["import", "--from-walmanager", at("wal"), at("store"), "--key", at("key")];
  const first = await call(...args);
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(first.stdout).toContain("3 records imported, 0 were there, 3 were encrypted");
  expect(await texts()).toEqual(["one", "two", "three"]);
  const { stdout } = await call(...args, "--json");
  expect(JSON.parse(stdout)).toMatchObject({ imported: 0, skipped: 3, opened: 3, lastOrigin: "3" });
  expect(await texts()).toEqual(["one", "two", "three"]);
});

test("without the key nothing is made, and the record is named", async () => {
  const { code, stderr } = await call("import", "--from-walmanager", at("wal"), at("store"));
  expect(code).toBe(13);
  expect(stderr).toContain("no key that was given opens it");
  await expect(Journal.open(at("store"), { types: [1] })).rejects.toMatchObject({
    code: "NOT_A_STORE",
  });
});
