/** The header of an encoded block, read without its transactions. */
import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { readEncodedHeader, readSignedBlockHeader } from "../../../src/wire/codec/block-header.js";
import { DecodeError } from "../../../src/wire/codec/decode-error.js";
import { decodeSignedBlock } from "../../../src/wire/codec/decode.js";
import { encodeBlockHeader, encodeSignedBlock } from "../../../src/wire/codec/encode.js";
import { headerHash, readHashedHeader } from "../../../src/wire/hash.js";
import { laneIdOf } from "../../../src/types/lane.js";
import { block, samples } from "../samples.js";

const encoded = samples["SignedBlock"]?.encoded ?? new Uint8Array();

describe("the header of an encoded block", () => {
  it("is the one that the whole block has", () => {
    expect(readSignedBlockHeader(encoded)).toEqual(block.header);
  });

  it("is a copy", () => {
    const bytes = encoded.slice();
    const header = readSignedBlockHeader(bytes);
    bytes.fill(0xff);
    expect(header).toEqual(block.header);
  });

  it("is refused where the block is cut anywhere", () => {
    expect(encoded.length).toBeGreaterThan(200);
    for (let length = 0; length < encoded.length; length++) {
      expect(() => readSignedBlockHeader(encoded.subarray(0, length))).toThrow(DecodeError);
    }
  });

  it("is read also where the inside of the payload is no payload", () => {
    const bytes = Buffer.from(encoded);
    const payload = bytes.indexOf(samples["Payload"]?.encoded ?? "");
    expect(payload).toBeGreaterThan(0);
    bytes.fill(0xff, payload, payload + (samples["Payload"]?.encoded.length ?? 0));
    expect(() => decodeSignedBlock(bytes)).toThrow(DecodeError);
    expect(readSignedBlockHeader(bytes)).toEqual(block.header);
  });
});

describe("the canonical bytes of the header of an encoded block", () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const signed = decodeSignedBlock(encoded);
  const u64 = fc.bigInt(0n, 2n ** 64n - 1n);

  it("are those that its header encodes to, and a view of the block where that is canonical", () => {
    const headers = fc.record({
      lane: fc.tuple(hash, u64).map(([key, joined]) => laneIdOf(key, joined)),
      blockNumber: fc.oneof(fc.constant(0n), u64),
      parentHash: hash,
      payloadHash: hash,
    });
    fc.assert(
      fc.property(headers, (header) => {
        const bytes = encodeSignedBlock({ ...signed, msg: { ...signed.msg, header } });
        const read = readEncodedHeader(bytes);
        expect(read.header).toEqual(header);
        expect(Buffer.from(read.canonical)).toEqual(Buffer.from(encodeBlockHeader(header)));
        expect(readHashedHeader(bytes).hash).toEqual(headerHash(header));
      }),
    );
  });

  it("are made anew where a number, or a length, is not written in the fewest bytes", () => {
    const canonical = Buffer.from(encodeBlockHeader(block.header));
    const { payload, sig } = partsOf(encoded);
    const number = canonical.subarray(1).findIndex((byte) => byte < 0x80) + 1;
    const padded = Buffer.concat([
      canonical.subarray(0, number),
      Buffer.of(0x80 | (canonical[number] ?? 0), 0x00),
      canonical.subarray(number + 1),
    ]);
    const lengthened = Buffer.concat([field(1, padded), field(2, payload)]);
    const bytes = Buffer.concat([field(1, lengthened), field(2, sig)]);
    expect(readSignedBlockHeader(bytes)).toEqual(block.header);
    expect(Buffer.from(readEncodedHeader(bytes).canonical)).toEqual(canonical);
    expect(readHashedHeader(bytes).hash).toEqual(headerHash(block.header));
  });
});

/** A field of bytes shorter than 16 KiB. */
function field(number: number, bytes: Uint8Array): Buffer {
  const { length } = bytes;
  const head = length < 128 ? [length] : [0x80 | (length & 0x7f), length >> 7];
  return Buffer.concat([Buffer.of(number * 8 + 2, ...head), bytes]);
}

/** The payload and the signature of an encoded signed block, as they stand in it. */
function partsOf(bytes: Uint8Array): { payload: Uint8Array; sig: Uint8Array } {
  const [inner, sig] = fieldsOf(bytes);
  const [, payload] = fieldsOf(inner ?? new Uint8Array());
  return { payload: payload ?? new Uint8Array(), sig: sig ?? new Uint8Array() };
}

function fieldsOf(bytes: Uint8Array): Uint8Array[] {
  const fields: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const low = bytes[at + 1] ?? 0;
    const begin = low < 0x80 ? at + 2 : at + 3;
    const length = low < 0x80 ? low : (low & 0x7f) | ((bytes[at + 2] ?? 0) << 7);
    fields.push(bytes.subarray(begin, begin + length));
    at = begin + length;
  }
  return fields;
}
