/** The refusals of the decoders, one case or more for each reason, and the faults that they put right. */
import { describe, expect, it } from "vitest";
import { DecodeError, type DecodeReason } from "../../../src/wire/codec/decode-error.js";
import {
  decodeAppProposal,
  decodeBlock,
  decodePublicKey,
  decodeTimestamp,
} from "../../../src/wire/codec/decode.js";
import { hex, toHex } from "../bytes.js";
import { codecOf } from "./codecs.js";
import { samples } from "../samples.js";

const key = "11".repeat(32);
const bytesOf = (name: string): string => toHex(samples[name]?.encoded ?? new Uint8Array());
/** A field of `length`-delimited content, in hex. */
const field = (tag: string, content: string): string => {
  const length = content.length / 2;
  const low = (length & 0x7f) | (length > 0x7f ? 0x80 : 0);
  const high = length > 0x7f ? (length >> 7).toString(16).padStart(2, "0") : "";
  return tag + low.toString(16).padStart(2, "0") + high + content;
};
const range = field("1a", bytesOf("LaneRange"));
/** A view, a timestamp and a global first: a proposal without ranges. */
const bare = `${field("0a", "080010001800")}${field("2a", "08001000")}3000`;

/** A case: its name, the type that it is read as, its bytes, the reason of the refusal, and the field. */
type Refusal = readonly [string, string, string, DecodeReason, string];

const refusals: readonly Refusal[] = [
  ["a field twice", "Timestamp", "080108011000", "count", "Timestamp.seconds"],
  ["a field also in another wire type", "Timestamp", "080112001000", "count", "Timestamp.nanos"],
  ["an arm twice", "Msg", "3200".repeat(2), "count", "Msg.timeout_vote"],
  ["101 ranges", "Proposal", bare + range.repeat(101), "count", "Proposal.lane_ranges"],
  ["2001 transactions", "Payload", "3200".repeat(2_001), "count", "Payload.txs"],
  ["a key that is too long", "PublicKey", field("0a", `${key}00`), "size", "PublicKey.ed25519"],
  [
    "transactions that are too much together",
    "Payload",
    `3281807d${"00".repeat(2_048_001)}`,
    "total",
    "Payload.txs",
  ],
  ["a number that does not end", "Timestamp", "0880", "malformed", "Timestamp.seconds"],
  ["a length beyond the end", "PublicKey", `0a20${key.slice(2)}`, "malformed", "PublicKey.ed25519"],
  ["a wire type that is none", "Timestamp", "080010001f", "malformed", "Timestamp"],
  ["field number 0", "Timestamp", "080010000000", "malformed", "Timestamp"],
  ["a group that does not end", "Timestamp", "080010007b", "malformed", "Timestamp"],
  [
    "a field number over 2^29 - 1",
    "Timestamp",
    "08001000808080801000",
    "field_number",
    "Timestamp",
  ],
  ["a field that is not there", "Timestamp", "0801", "missing", "Timestamp.nanos"],
  ["a field in another wire type only", "Timestamp", "08011200", "missing", "Timestamp.nanos"],
  ["a message that is not there", "Proposal", "3000", "missing", "Proposal.view"],
  [
    "a key that is too short",
    "PublicKey",
    field("0a", key.slice(2)),
    "length",
    "PublicKey.ed25519",
  ],
  ["a key that is not there", "PublicKey", "", "length", "PublicKey.ed25519"],
  [
    "two ranges of one lane",
    "Proposal",
    bare + range + range,
    "duplicate_lane",
    "Proposal.lane_ranges",
  ],
  ["no arm", "Msg", "", "empty", "Msg.arm"],
];

function refusalOf(type: string, bytes: Uint8Array): DecodeError {
  try {
    codecOf(type).reencode(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("a decoder refuses", () => {
  it.for(refusals)("%s (%s)", ([, type, bytes, reason, path]) => {
    const error = refusalOf(type, hex(bytes));
    expect({ reason: error.reason, path: error.path }).toEqual({ reason, path });
    expect(error.offset).toBeLessThanOrEqual(bytes.length / 2);
    expect(error.message).toMatch(/^[A-Za-z.0-9_]+ at byte \d+: .+ \([a-z_]+\)$/);
  });

  it("for every reason that there is", () => {
    const all: Readonly<Record<DecodeReason, true>> = {
      count: true,
      size: true,
      total: true,
      malformed: true,
      field_number: true,
      missing: true,
      length: true,
      duplicate_lane: true,
      empty: true,
    };
    expect(new Set(refusals.map(([, , , reason]) => reason))).toEqual(new Set(Object.keys(all)));
  });

  it("every message that is cut short, unless what is left is whole", () => {
    for (const [name, { encoded }] of Object.entries(samples)) {
      for (let length = 0; length < encoded.length; length++) {
        const cut = encoded.subarray(0, length);
        let again: Uint8Array;
        try {
          again = codecOf(name).reencode(cut);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          continue;
        }
        expect(toHex(again)).toBe(toHex(cut));
      }
    }
  });
});

describe("a decoder puts right", () => {
  it.for([
    { what: "the order of fields", bytes: "10050801", canonical: "08011005" },
    { what: "padded numbers", bytes: "08818080001085808000", canonical: "08011005" },
    { what: "unknown fields", bytes: "080118071005220161", canonical: "08011005" },
    { what: "unknown groups", bytes: "08011b08011c1005", canonical: "08011005" },
    { what: "nanos of a second and more", bytes: "0801108594ebdc03", canonical: "08021005" },
    { what: "nanos below 0", bytes: "080110ffffffffffffffffff01", canonical: "080010ff93ebdc03" },
    { what: "nanos of more than 32 bits", bytes: "0801108580808010", canonical: "08011005" },
    {
      what: "seconds that wrap",
      bytes: "088080808080808080800110ffffffff0f",
      canonical: "08ffffffffffffffff7f10ff93ebdc03",
    },
  ])("$what", ({ bytes, canonical }) => {
    expect(toHex(codecOf("Timestamp").reencode(hex(bytes)))).toBe(canonical);
  });

  it("the order of lane ranges", () => {
    const proposal = hex(bytesOf("Proposal"));
    const other = field("1a", bytesOf("LaneRange"));
    const moved = toHex(proposal).replace(other, "") + other;
    expect(moved).not.toBe(toHex(proposal));
    expect(toHex(codecOf("Proposal").reencode(hex(moved)))).toBe(toHex(proposal));
  });

  it("nothing about an app hash: an absent one is not an empty one", () => {
    const absent = decodeAppProposal(hex("1000200028003000"));
    const empty = decodeAppProposal(hex("10001a00200028003000"));
    expect(absent.appHash).toBeUndefined();
    expect(empty.appHash).toEqual(new Uint8Array());
  });

  it("nothing about two arms: the later one holds", () => {
    const vote = field("32", bytesOf("TimeoutVote"));
    const app = field("3a", bytesOf("AppProposal"));
    expect(toHex(codecOf("Msg").reencode(hex(vote + app)))).toBe(app);
    expect(toHex(codecOf("Msg").reencode(hex(app + vote)))).toBe(vote);
  });
});

describe("what is decoded", () => {
  it("keeps numbers above 2^53", () => {
    expect(decodeTimestamp(hex("0881808080808080101000")).seconds).toBe(2n ** 53n + 1n);
    expect(decodeTimestamp(hex("08ffffffffffffffffff011000")).seconds).toBe(-1n);
  });

  it("copies keys and hashes, and lends transactions", () => {
    const bytes = hex(bytesOf("PublicKey"));
    const publicKey = decodePublicKey(bytes);
    bytes.fill(0);
    expect(toHex(publicKey)).toBe(bytesOf("PublicKey").slice(4));
    const block = hex(bytesOf("Block"));
    const { header, payload } = decodeBlock(block);
    const parent = toHex(header.payloadHash);
    block.fill(0x55);
    expect(toHex(header.payloadHash)).toBe(parent);
    expect(payload.txs.map(toHex)).toEqual(["5555"]);
  });
});
