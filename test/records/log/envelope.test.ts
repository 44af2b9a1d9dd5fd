import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CHECKPOINT_TYPE,
  decodeCheckpoint,
  decodeEnvelope,
  encodeCheckpoint,
  encodeEnvelope,
  envelopeBytes,
  type Labels,
} from "../../../src/records/log/envelope.js";
import { U64_MAX } from "../../../src/types/numbers.js";
import { property } from "../../harness/property.js";

const labels = fc.record({
  type: fc.nat({ max: 0xffff }),
  tenant: fc.nat({ max: 0xffff_ffff }),
  shard: fc.nat({ max: 0xffff }),
  origin: fc.option(fc.bigInt({ min: 1n, max: U64_MAX }), { nil: undefined }),
});

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** A record as it lies on disk: its envelope, and the payload behind it. */
function recordBytes(fields: Labels, payload: Uint8Array): Buffer {
  return Buffer.concat([encodeEnvelope(fields), payload]);
}

describe("the bytes of an envelope", () => {
  test("without an origin", () => {
    const bytes = recordBytes(
      { type: 0x8001, tenant: 7, shard: 3, origin: undefined },
      Buffer.from("hello"),
    );
    expect(bytes).toEqual(hex("01 00 0180 07000000 0300 0000 68656c6c6f"));
  });

  test("with an origin", () => {
    const bytes = recordBytes(
      { type: 2, tenant: 0xffff_ffff, shard: 0xffff, origin: 300n },
      new Uint8Array(0),
    );
    expect(bytes).toEqual(hex("01 01 0200 ffffffff ffff 0000 2c01000000000000"));
  });

  test("of a checkpoint", () => {
    const payload = encodeCheckpoint(5n);
    const fields = { type: CHECKPOINT_TYPE, tenant: 0, shard: 0, origin: undefined };
    expect(recordBytes(fields, payload)).toEqual(
      hex("01 00 00c0 00000000 0000 0000 0500000000000000"),
    );
    expect(decodeCheckpoint(payload)).toBe(5n);
    expect(decodeCheckpoint(payload.subarray(1))).toBeUndefined();
  });
});

property([labels, fc.uint8Array({ maxLength: 100 })])(
  "what is encoded is decoded, of any labels and payload",
  (fields, payload) => {
    const bytes = recordBytes(fields, payload);
    expect(bytes.length).toBe(envelopeBytes(fields.origin) + payload.length);
    const found = decodeEnvelope(bytes);
    expect(found).toMatchObject({ kind: "record", labels: fields });
    if (found.kind === "record") expect(Buffer.compare(found.payload, payload)).toBe(0);
  },
);

property([fc.uint8Array({ maxLength: 40 })])(
  "any bytes have an answer, and those that are a record are the bytes of that record",
  (bytes) => {
    const found = decodeEnvelope(bytes);
    if (found.kind !== "record") return;
    expect(Buffer.compare(recordBytes(found.labels, found.payload), bytes)).toBe(0);
  },
);

describe("what is no envelope", () => {
  test.each([
    ["nothing", "", "damaged"],
    ["zeros", "00".repeat(40), "damaged"],
    ["a newer version", `02 ${"00".repeat(11)}`, "too-new"],
    ["a newer version, cut short", "02", "too-new"],
    ["one cut short", "01 00 0180 07000000 0300 00", "damaged"],
    ["a flag that nobody knows", "01 02 0180 07000000 0300 0000", "damaged"],
    ["a reserved byte that is not zero", "01 00 0180 07000000 0300 0001", "damaged"],
    ["an origin cut short", "01 01 0180 07000000 0300 0000 01000000000000", "damaged"],
    ["the origin 0", "01 01 0180 07000000 0300 0000 0000000000000000", "damaged"],
  ])("%s", (_, bytes, kind) => {
    expect(decodeEnvelope(hex(bytes)).kind).toBe(kind);
  });
});
