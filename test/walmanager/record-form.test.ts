/** Records of WalManager: the bytes that it wrote, and every other byte sequence. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32c } from "../../src/codec/crc32c.js";
import {
  HEADER_BYTES,
  PAYLOAD_BYTES_MAX,
  readHeader,
  readRecord,
  type RecordFound,
} from "../../src/walmanager/record-form.js";
import { isRequired, walTypeName, walTypes } from "../../src/walmanager/record-types.js";
import { hex, toHex } from "../wire/bytes.js";
import { record } from "./kit.js";
import { property } from "../harness/property.js";

const put = hex("574e595302000180010000000000000001000000000005000000265c8f8668656c6c6f");

describe("bytes of WalManager", () => {
  test.each<readonly [string, string, object, string]>([
    [
      "a Put of version 2",
      "574e595302000180010000000000000001000000000005000000265c8f8668656c6c6f",
      { version: 2, type: 0x8001, encrypted: false, lsn: 1n, tenantId: 1, vshard: 0 },
      "hello",
    ],
    [
      "a Put of version 1",
      "574e595301000180010000000000000001000000000005000000c6ebcc6468656c6c6f",
      { version: 1, type: 0x8001, encrypted: false, lsn: 1n, tenantId: 1, vshard: 0 },
      "hello",
    ],
    [
      "a Delete without a payload",
      "574e59530200028002000000000000000700000003000000000018fc0f9a",
      { version: 2, type: 0x8002, encrypted: false, lsn: 2n, tenantId: 7, vshard: 3 },
      "",
    ],
    [
      "a Noop of zeros",
      "574e59530200000003000000000000000000000000000000000067ef6431",
      { version: 2, type: 0, encrypted: false, lsn: 3n, tenantId: 0, vshard: 0 },
      "",
    ],
  ])("%s", (_, bytes, header, payload) => {
    const found = readRecord(hex(bytes));
    expect(found).toMatchObject({ status: "record", header, byteLength: bytes.length / 2 });
    expect(Buffer.from(payloadIn(found)).toString()).toBe(payload);
  });

  test.each([
    ["version 1", "574e5953010001c0010000000000000001000000000015000000860d9d70" + cipher1()],
    ["version 2", "574e5953020001c00100000000000000010000000000150000001ba4ce0c" + cipher2()],
  ])("an encrypted Put of %s: its type is a Put's, its payload stays what it is", (_, bytes) => {
    const found = readRecord(hex(bytes));
    const header = { type: walTypes.Put, encrypted: true, lsn: 1n, payloadBytes: 21 };
    expect(found).toMatchObject({ status: "record", header });
    expect(toHex(payloadIn(found))).toBe(bytes.slice(60));
  });
  function cipher1(): string {
    return "e5337740faa4e2a2f7162daa1d19e4c66f4b6990bf";
  }
  function cipher2(): string {
    return "73edaa991b81c08c717c01b20f667693cfec715dfe";
  }

  test("the checksum is CRC-32C", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  });

  test("the writer of these tests writes the same bytes", () => {
    const payload = Buffer.from("hello");
    expect(toHex(record({ lsn: 1n, payload }))).toBe(toHex(put));
    expect(readRecord(record({ lsn: 1n, payload, version: 1 }))).toMatchObject({
      header: { crc: Buffer.from("c6ebcc64", "hex").readUInt32LE() },
    });
  });
});

describe("types", () => {
  test.each(Object.entries(walTypes))("%s is known by its 16 bits", (name, type) => {
    expect(walTypeName(type)).toBe(name);
    // With the other value of bit 15 it is another type, which nobody knows.
    expect(walTypeName(type ^ 0x8000)).toBe(undefined);
  });

  test.each([
    [walTypes.Put, 0x8001],
    [walTypes.TimeseriesBatch, 0x001e],
    [walTypes.Checkpoint, 0x8064],
    [walTypes.LsnMsAnchor, 0x0066],
    [walTypes.TemporalPurge, 0x8067],
  ])("%i is %i: bit 15 says whether it is required", (type, raw) => {
    expect(type).toBe(raw);
    expect(isRequired(type)).toBe(raw >= 0x8000);
  });
});

describe("what is no record", () => {
  test("every cut of one is short, and says no more", () => {
    for (let length = 0; length < put.length; length++) {
      expect(readRecord(put.subarray(0, length))).toEqual({ status: "short" });
    }
  });

  test("every flipped bit is found", () => {
    for (let bit = 0; bit < put.length * 8; bit++) {
      const flipped = Uint8Array.from(put);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(readRecord(flipped).status).not.toBe("record");
    }
  });

  test.each<readonly [string, number, number[], object]>([
    ["another magic", 0, [0x58], { status: "damaged" }],
    ["version 0", 4, [0, 0], { status: "damaged" }],
    ["version 3, whatever its checksum", 4, [3, 0], { status: "too-new", version: 3 }],
    ["version 65535", 4, [0xff, 0xff], { status: "too-new", version: 65_535 }],
    ["a payload over the limit", 22, [0x11, 0, 0, 4], { status: "damaged" }],
    ["the largest payload, which is not there", 22, [0x10, 0, 0, 4], { status: "short" }],
  ])("%s", (_, offset, bytes, found) => {
    const changed = Uint8Array.from(put);
    changed.set(bytes, offset);
    expect(readRecord(changed)).toMatchObject(found);
  });

  property([fc.uint8Array({ maxLength: 200 })])(
    "any bytes have an answer, within their length",
    (bytes) => {
      expectSound(readRecord(bytes), bytes);
      expectSound(readRecord(Buffer.concat([put.subarray(0, 6), bytes])), undefined);
    },
  );

  property([
    fc.record({
      lsn: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      type: fc.integer({ min: 0, max: 0xffff }),
      tenantId: fc.integer({ min: 0, max: 0xffff_ffff }),
      vshard: fc.integer({ min: 0, max: 0xffff }),
      version: fc.constantFrom(1, 2),
      payload: fc.uint8Array({ maxLength: 300 }),
    }),
    fc.uint8Array({ maxLength: 40 }),
  ])("every record is read back, whatever follows it", (parts, rest) => {
    const bytes = record(parts);
    const found = readRecord(Buffer.concat([bytes, rest]));
    const { lsn, tenantId, vshard, version, payload } = parts;
    const type = parts.type & ~0x4000;
    const encrypted = parts.type !== type;
    expect(found).toMatchObject({
      status: "record",
      header: { lsn, type, tenantId, vshard, version, encrypted },
      byteLength: bytes.length,
    });
    expect(toHex(payloadIn(found))).toBe(toHex(payload));
  });

  property([
    fc.uint8Array({ maxLength: 60 }),
    fc.array(fc.tuple(fc.nat({ max: 89 }), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    }),
  ])("a changed record is no other record", (payload, changes) => {
    const bytes = record({ lsn: 9n, payload });
    const changed = Uint8Array.from(bytes);
    for (const [at, mask] of changes) if (at < changed.length) changed[at]! ^= mask;
    fc.pre(toHex(changed) !== toHex(bytes));
    const found = readRecord(changed);
    expectSound(found, changed);
    // Up to four changed bytes lie in a burst or not: CRC-32C is no proof, and 2^-32 is not seen.
    expect(found.status).not.toBe("record");
  });
});

function payloadIn(found: RecordFound): Uint8Array {
  if (found.status !== "record") throw new Error(`it is no record: ${found.status}`);
  return found.payload;
}

/** A found record lies within the bytes; its payload is a view of them, not a copy. */
function expectSound(found: RecordFound, bytes: Uint8Array | undefined): void {
  expect(["record", "short", "too-new", "damaged"]).toContain(found.status);
  if (found.status !== "record" || !bytes) return;
  expect(found.byteLength).toBeLessThanOrEqual(bytes.length);
  expect(found.payload.buffer).toBe(bytes.buffer);
  expect(found.header.payloadBytes).toBeLessThanOrEqual(PAYLOAD_BYTES_MAX);
  expect(readHeader(bytes.subarray(0, HEADER_BYTES)).status).toBe("header");
}
