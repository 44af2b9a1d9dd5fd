/** Encrypted logs of WalManager, of both versions: read with their keys, and told without. */
import { createCipheriv } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { crc32c } from "../../src/codec/crc32c.js";
import { Key } from "../../src/keys/key.js";
import { openPayload } from "../../src/walmanager/decrypt.js";
import { readRecord } from "../../src/walmanager/record-form.js";
import { property } from "../harness/property.js";

/** The key of the reference's vectors. */
const BYTES = Buffer.alloc(32, 0x42);
const PUT = 0x8001;

interface Sealed {
  readonly version: 1 | 2;
  readonly lsn: bigint;
  readonly payload: Uint8Array;
  readonly epoch?: Uint8Array;
  readonly key?: Uint8Array;
  readonly type?: number;
}

/** A record as WalManager writes it, from node:crypto alone. */
function sealedRecord({ version, lsn, payload, epoch, key = BYTES, type = PUT }: Sealed): Buffer {
  const header = Buffer.alloc(30);
  header.set([0x57, 0x4e, 0x59, 0x53]);
  header.writeUInt16LE(version, 4);
  header.writeUInt16LE(type, 6);
  header.writeBigUInt64LE(lsn, 8);
  header.writeUInt32LE(1, 16);
  const nonce = Buffer.alloc(12);
  if (version === 2) nonce.set(epoch ?? [1, 2, 3, 4]);
  nonce.writeBigUInt64LE(lsn, version === 2 ? 4 : 0);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(header);
  const stored = Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  header.writeUInt16LE(type | 0x4000, 6);
  header.writeUInt32LE(stored.length, 22);
  header.writeUInt32LE(crc32c(stored, crc32c(header.subarray(0, 26))), 26);
  return Buffer.concat([header, stored]);
}

function opened(record: Uint8Array, ...keys: readonly Uint8Array[]): string | undefined {
  const found = readRecord(record);
  if (found.status !== "record") throw new Error("it is no record");
  const ring = keys.map((bytes) => new Key(bytes, "test"));
  const payload = openPayload(found.header, found.payload, ring);
  return payload && Buffer.from(payload).toString("latin1");
}

const hello = Buffer.from("hello");

test.each([
  [
    1,
    "574e5953010001c0010000000000000001000000000015000000860d9d70e5337740faa4e2a2f7162daa1d19e4c66f4b6990bf",
  ],
  [
    2,
    "574e5953020001c00100000000000000010000000000150000001ba4ce0c73edaa991b81c08c717c01b20f667693cfec715dfe",
  ],
] as const)("the reference's vector of version %i is opened", (version, hex) => {
  expect(sealedRecord({ version, lsn: 1n, payload: hello }).toString("hex")).toBe(hex);
  expect(opened(Buffer.from(hex, "hex"), BYTES)).toBe("hello");
});

property([
  fc.constantFrom(1 as const, 2 as const),
  fc.bigInt({ min: 1n, max: 2n ** 64n - 2n }),
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ maxLength: 300 }),
])(
  "E14 any record of any process is opened: its drawn bytes follow from the tag",
  (version, lsn, epoch, payload) => {
    const record = sealedRecord({ version, lsn, epoch, payload });
    expect(opened(record, BYTES)).toBe(Buffer.from(payload).toString("latin1"));
  },
);

test("of several keys the right one is found, wherever it stands", () => {
  const others = [1, 2].map((fill) => Buffer.from(BYTES).fill(fill, 0, 8));
  for (const version of [1, 2] as const) {
    const record = sealedRecord({ version, lsn: 9n, payload: hello });
    expect(opened(record, ...others, BYTES)).toBe("hello");
    expect(opened(record, ...others)).toBeUndefined();
    expect(opened(record)).toBeUndefined();
  }
});

test("no bit of a stored payload can change, nor of what is bound to it", () => {
  for (const version of [1, 2] as const) {
    const record = sealedRecord({ version, lsn: 9n, payload: hello });
    for (let bit = 6 * 8; bit < record.length * 8; bit++) {
      const at = bit >> 3;
      // Length and CRC are not bound, nor is the bit for encryption.
      if ((at >= 22 && at < 30) || bit === 7 * 8 + 6) continue;
      const harmed = Buffer.from(record);
      harmed[at] = (harmed[at] ?? 0) ^ (1 << (bit & 7));
      harmed.writeUInt32LE(crc32c(harmed.subarray(30), crc32c(harmed.subarray(0, 26))), 26);
      expect(opened(harmed, BYTES), `version ${version}, bit ${bit}`).toBeUndefined();
    }
  }
});

test("an empty payload is a tag alone; fewer bytes are none", () => {
  expect(opened(sealedRecord({ version: 2, lsn: 3n, payload: new Uint8Array(0) }), BYTES)).toBe("");
});
