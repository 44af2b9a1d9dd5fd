import { describe, expect, it } from "vitest";
import {
  type BackupManifest,
  decodeManifest,
  encodeManifest,
} from "../../../src/keeping/backup/manifest.js";

const manifest: BackupManifest = {
  format: "lanekeeper backup",
  version: 1,
  number: 7,
  chainId: "test-chain",
  storeId: "ab".repeat(16),
  generation: 3n,
  takenAtMs: 1_796_000_000_000,
  lsn: 2n ** 63n,
  logs: [{ name: "road", first: 4n, next: 9n }],
  anchor: { sequence: 2n, roadIndex: 4n },
  vote: null,
  keyIds: ["0123456789abcdef"],
  retired: null,
  files: [
    {
      path: "journal/0003.seg",
      at: "segments/12-4096-9a8b7c6d.seg",
      bytes: 4096,
      sha256: "cd".repeat(32),
      segment: { sequence: 12n, firstLsn: 1n, nextLsn: 4n, endChain: 7 },
    },
    { path: "STORE", at: "0000007-STORE", bytes: 60, sha256: "ef".repeat(32), segment: null },
  ],
};

/** The manifest with some fields changed, as it would stand in a file. */
function changed(fields: object): Uint8Array {
  const document: unknown = JSON.parse(Buffer.from(encodeManifest(manifest)).toString());
  return Buffer.from(JSON.stringify({ ...Object(document), ...fields }));
}

const read = (bytes: Uint8Array): BackupManifest => decodeManifest(bytes, "/b/manifest.json");

describe("the manifest of a backup", () => {
  it("comes back from its bytes as it was", () => {
    expect(read(encodeManifest(manifest))).toEqual(manifest);
  });

  it.each([
    ["no JSON", Buffer.from("{")],
    ["another document", Buffer.from("{}")],
    ["a number above 64 bits", changed({ lsn: String(2n ** 64n) })],
    ["a field that nobody knows", changed({ more: 1 })],
    ["a place outside of a store", changed({ files: [{ ...file(), path: "../STORE" }] })],
    ["a place outside of the backup", changed({ files: [{ ...file(), at: "segments/../../x" }] })],
  ])("is refused where it is %s", (_, bytes) => {
    expect(() => read(bytes)).toThrow(expect.objectContaining({ code: "BACKUP_CORRUPT" }));
  });

  it("is refused by name where a later version wrote it", () => {
    expect(() => read(changed({ version: 2 }))).toThrow(
      expect.objectContaining({ code: "FORMAT_TOO_NEW", file: "/b/manifest.json" }),
    );
  });
});

function file(): object {
  return { path: "STORE", at: "0000007-STORE", bytes: 1, sha256: "00".repeat(32), segment: null };
}
