/** The sealing of records, against the page of the format and its argument on nonces. */
import { createCipheriv, hkdfSync } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type BoundFields,
  type PlainRecord,
  SegmentOpener,
  SegmentSealer,
} from "../../../src/journal/seal/segment-seal.js";
import { TAG_BYTES } from "../../../src/keys/aead.js";
import { InvariantError } from "../../../src/types/assert.js";
import { key, keyBytes } from "./kit.js";
import { property } from "../../harness/property.js";

const place = {
  storeId: Buffer.alloc(16, 1),
  salt: Buffer.alloc(32, 2),
  sequence: 7n,
  firstLsn: 100n,
};
const record = { type: 2, log: 3, number: 9n, more: true } as const;
const text = Buffer.from("a payload");

/** As the page says it, from node:crypto alone. */
function byThePage(lsn: bigint, plain: Uint8Array): string {
  const number = Buffer.alloc(8);
  number.writeBigUInt64LE(place.sequence);
  const info = Buffer.concat([Buffer.from("lanekeeper segment 1\0"), place.storeId, number]);
  const derived = Buffer.from(hkdfSync("sha256", keyBytes("a"), place.salt, info, 48));
  const header = Buffer.alloc(40);
  header.writeUInt32LE(plain.length + 16, 4);
  header.writeUInt8(record.type, 12);
  header.writeUInt8(1, 13);
  header.writeBigUInt64LE(lsn, 16);
  header.writeUInt32LE(record.log, 24);
  header.writeBigUInt64LE(record.number, 32);
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(lsn, 4);
  const cipher = createCipheriv("aes-256-gcm", derived.subarray(0, 32), nonce);
  cipher.setAAD(Buffer.concat([place.storeId, header.subarray(4, 8), header.subarray(12)]));
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString("hex");
}

/** The sealed payload of a record. */
function sealedBy(sealer: SegmentSealer, record: PlainRecord, lsn: bigint): Uint8Array {
  const target = Buffer.alloc((record.prefix?.length ?? 0) + record.payload.length + TAG_BYTES);
  sealer.seal(record, lsn, target);
  return target;
}

describe("a sealed payload", () => {
  test("is what the page says", () => {
    const sealed = sealedBy(new SegmentSealer(key("a"), place), { ...record, payload: text }, 100n);
    expect(Buffer.from(sealed).toString("hex")).toBe(byThePage(100n, text));
  });

  test("is of prefix and payload together", () => {
    const prefix = text.subarray(0, 4);
    const payload = text.subarray(4);
    const sealed = sealedBy(
      new SegmentSealer(key("a"), place),
      { ...record, prefix, payload },
      100n,
    );
    expect(Buffer.from(sealed).toString("hex")).toBe(byThePage(100n, text));
  });

  property([fc.uint8Array({ maxLength: 200 }), fc.bigInt({ min: 100n, max: 2n ** 64n - 2n })])(
    "opens in its place, whatever it is",
    (payload, lsn) => {
      const sealed = sealedBy(new SegmentSealer(key("a"), place), { ...record, payload }, lsn);
      const opener = new SegmentOpener(key("a"), place);
      expect(opener.open({ ...record, lsn }, sealed)).toEqual(Buffer.from(payload));
    },
  );

  const sealed = sealedBy(new SegmentSealer(key("a"), place), { ...record, payload: text }, 100n);
  const bound: BoundFields = { ...record, lsn: 100n };
  const others: readonly (readonly [string, Partial<BoundFields>])[] = [
    ["type", { type: 5 }],
    ["LSN", { lsn: 101n }],
    ["log", { log: 4 }],
    ["number", { number: 10n }],
    ["place in its batch", { more: false }],
  ];
  test.each(others)("E6 does not open as a record of another %s", (_, other) => {
    const opener = new SegmentOpener(key("a"), place);
    expect(opener.open(bound, sealed)).toEqual(text);
    expect(opener.open({ ...bound, ...other }, sealed)).toBeUndefined();
  });

  test.each([
    ["key", key("b"), place],
    ["store", key("a"), { ...place, storeId: Buffer.alloc(16, 9) }],
    ["salt", key("a"), { ...place, salt: Buffer.alloc(32, 9) }],
    ["segment", key("a"), { ...place, sequence: 8n }],
  ])("does not open with another %s", (_, other, otherPlace) => {
    const opener = new SegmentOpener(other, otherPlace);
    expect(opener.open(bound, sealed)).toBeUndefined();
    const own = new SegmentOpener(key("a"), place);
    expect(opener.headSeal.check).not.toEqual(own.headSeal.check);
  });

  test("does not open once the key is let go", () => {
    const opener = new SegmentOpener(key("a"), place);
    opener.close();
    expect(opener.open(bound, sealed)).toBeUndefined();
  });
});

describe("a nonce is used once", () => {
  const sealer = new SegmentSealer(key("a"), place);
  const sealAs = (lsn: bigint): Uint8Array => sealedBy(sealer, { ...record, payload: text }, lsn);

  test("E5 LSNs 100, 101, 103 are right; 103 again, 102 and 99 are refused", () => {
    for (const lsn of [100n, 101n, 103n]) expect(sealAs(lsn)).toHaveLength(text.length + 16);
    for (const lsn of [103n, 102n, 99n]) expect(() => sealAs(lsn)).toThrow(InvariantError);
  });

  test("E5 one payload has other sealed bytes at each LSN, the tags aside", () => {
    const texts = Array.from({ length: 64 }, (_, each) => sealAs(200n + BigInt(each))).map(
      (sealed) => Buffer.from(sealed.subarray(0, text.length)).toString("hex"),
    );
    expect(new Set(texts).size).toBe(64);
  });
});
