/** The header of an encoded block, read without its transactions. */
import { describe, expect, it } from "vitest";
import { readSignedBlockHeader } from "../../../src/wire/codec/block-header.js";
import { DecodeError } from "../../../src/wire/codec/decode-error.js";
import { decodeSignedBlock } from "../../../src/wire/codec/decode.js";
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
