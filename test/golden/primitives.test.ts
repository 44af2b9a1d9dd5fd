/** Canonical bytes, hashes, digests, and what the decoders make of any bytes. */
import { expect } from "vitest";
import { z } from "zod";
import { laneIdOf, laneParts } from "../../src/types/lane.js";
import { readSignedBlockHeader } from "../../src/wire/codec/block-header.js";
import { buildBlock } from "../../src/wire/build.js";
import { decodeSignedBlock } from "../../src/wire/codec/decode.js";
import { keyPairFromSeed } from "../../src/wire/signatures/signer.js";
import { decodeMsg, encodeMsg } from "../../src/wire/codec/envelope.js";
import { msgDigest, sha256 } from "../../src/wire/hash.js";
import { ZERO_HASH } from "../../src/wire/messages.js";
import { hex, seedOf, toHex } from "../wire/bytes.js";
import { codecOf } from "../wire/codec/codecs.js";
import { armNames, armOf } from "./kit/arms.js";
import {
  bytes,
  decimal,
  describeGolden,
  eachCase,
  forPeople,
  hexText,
  verdict,
} from "./kit/cases.js";
import { encodedFields, keyText, laneText } from "./kit/objects.js";
import { decoded, decodeVerdict, verifyVerdict } from "./kit/verdicts.js";
import type { Schema } from "../../src/types/choices.js";

const entries = z.array(z.unknown()).min(1);
const layout = z.strictObject({
  about: z.strictObject({
    what: forPeople,
    revision: hexText,
    keys: forPeople,
    encode: forPeople,
    digests: forPeople,
    decode: forPeople,
    limits: forPeople,
    truncations: forPeople,
    construct: forPeople,
    errorClasses: forPeople,
  }),
  keys: entries,
  text: entries,
  encode: entries,
  digests: entries,
  decode: entries,
  limits: entries,
  truncations: entries,
  construct: entries,
});

const key = z.strictObject({ seedString: z.string(), seed: hexText, public: hexText });
const texts = z.strictObject({
  public: hexText,
  joined: decimal,
  laneBytes: hexText,
  publicText: z.string(),
  laneText: z.string(),
});

const encodedObject = { name: z.string(), type: z.string(), fields: z.unknown(), hash: hexText };
const encoding = z.union([
  z.strictObject({ ...encodedObject, canonical: hexText, marshal: bytes.optional() }),
  z.strictObject({ ...encodedObject, canonicalLength: z.number(), canonicalSha256: hexText }),
]);
const digest = z.strictObject({
  name: z.string(),
  arm: z.custom<(typeof armNames)[number]>((value) => armNames.some((name) => name === value)),
  type: z.string(),
  object: bytes,
  canonicalMsg: hexText,
  digest: hexText,
});

const given = { name: z.string(), type: z.string() };
const accepted = { reencodesToInput: z.boolean(), hash: hexText.optional() };
const decoding = verdict({ ...given, bytes }, { ...accepted, reencoded: hexText.optional() });
const limit = verdict(
  {
    ...given,
    parts: z.array(z.strictObject({ hex: hexText, times: z.number() })),
    length: z.number(),
    sha256: hexText,
  },
  { ...accepted, reencodedSha256: hexText.optional() },
);
const truncation = z.strictObject({
  type: z.string(),
  bytes,
  outcomeByLength: z.array(z.string()),
});
const construction = z.strictObject({
  txs: z.number(),
  bytesEach: z.number(),
  accept: z.boolean(),
  errorClass: z.string(),
});

/** The types that have a hash of their own. */
const hashable = new Set([
  "Timestamp",
  "PublicKey",
  "LaneID",
  "Signature",
  "BlockHeader",
  "Payload",
  "Block",
  "View",
  "LaneRange",
  "Proposal",
  "AppProposal",
  "TimeoutVote",
  "Msg",
]);

describeGolden("primitives.json", layout, (sections) => {
  const of = <T>(name: string, shape: Schema<T>, named: readonly string[]) => {
    return { of: name, entries: sections(name), shape, named };
  };

  eachCase(of("keys", key, ["seedString"]), (expected) => {
    const seed = seedOf(expected.seedString);
    expect(toHex(seed)).toBe(expected.seed);
    expect(toHex(keyPairFromSeed(seed).publicKey)).toBe(expected.public);
  });

  eachCase(of("text", texts, ["laneText"]), (expected) => {
    const lane = laneIdOf(hex(expected.public), expected.joined);
    expect(lane).toBe(expected.laneBytes);
    expect(laneText(lane)).toBe(expected.laneText);
    expect(keyText(laneParts(lane).key)).toBe(expected.publicText);
  });

  eachCase(of("encode", encoding, ["name"]), (expected) => {
    const { canonical, hash } = encodedFields(expected.type, expected.fields);
    expect(toHex(hash)).toBe(expected.hash);
    const { reencode } = codecOf(expected.type);
    expect(Buffer.compare(reencode(canonical), canonical)).toBe(0);
    if ("canonical" in expected) {
      expect(toHex(canonical)).toBe(expected.canonical);
      const { marshal } = expected;
      if (marshal !== undefined) expect(toHex(reencode(marshal))).toBe(expected.canonical);
    } else {
      expect(canonical.length).toBe(expected.canonicalLength);
      expect(toHex(sha256(canonical))).toBe(expected.canonicalSha256);
    }
  });

  eachCase(of("digests", digest, ["name"]), (expected) => {
    const arm = armOf(expected.arm);
    expect(arm.type).toBe(expected.type);
    const msg = arm.msg(expected.object);
    expect(toHex(encodeMsg(msg))).toBe(expected.canonicalMsg);
    expect(decodeMsg(hex(expected.canonicalMsg))).toEqual(msg);
    expect(toHex(msgDigest(msg))).toBe(expected.digest);
    expect(toHex(arm.digest(expected.object))).toBe(expected.digest);
  });

  eachCase(of("decode", decoding, ["name"]), (expected) => {
    const again = decoded(expected.type, expected.bytes);
    if (!expected.accept || typeof again === "string") {
      expect(again).toBe(expected.accept ? "accept" : expected.errorClass);
      return;
    }
    expectCanonical(again, expected.bytes, expected);
    expect(expected.reencoded !== undefined).toBe(!expected.reencodesToInput);
    expect(toHex(again)).toBe(expected.reencoded ?? toHex(expected.bytes));
    if (expected.type !== "SignedBlock") return;
    const { header } = decodeSignedBlock(expected.bytes).msg;
    expect(readSignedBlockHeader(expected.bytes)).toEqual(header);
  });

  eachCase(of("limits", limit, ["name"]), (expected) => {
    const input = hex(expected.parts.map((part) => part.hex.repeat(part.times)).join(""));
    expect(input.length).toBe(expected.length);
    expect(toHex(sha256(input))).toBe(expected.sha256);
    const again = decoded(expected.type, input);
    if (!expected.accept || typeof again === "string") {
      expect(again).toBe(expected.accept ? "accept" : expected.errorClass);
      return;
    }
    expectCanonical(again, input, expected);
    expect(expected.reencodedSha256 !== undefined).toBe(!expected.reencodesToInput);
    expect(toHex(sha256(again))).toBe(expected.reencodedSha256 ?? expected.sha256);
  });

  eachCase(of("truncations", truncation, ["type"]), (expected) => {
    // One outcome for each proper prefix, from no byte to all but one.
    const lengths = expected.bytes.keys();
    const outcomes = [...lengths].map((length) =>
      decodeVerdict(expected.type, expected.bytes.subarray(0, length)),
    );
    expect(outcomes).toEqual(expected.outcomeByLength);
    expect(decodeVerdict(expected.type, expected.bytes)).toBe("accept");
  });

  eachCase(of("construct", construction, ["txs", "bytesEach"]), async (expected) => {
    const tx = new Uint8Array(expected.bytesEach);
    const payload = {
      createdAt: { seconds: 0n, nanos: 0 },
      txs: Array.from({ length: expected.txs }, () => tx),
      totalGasWanted: 0n,
      totalGasEstimated: 0n,
    };
    const lane = laneIdOf(new Uint8Array(32), 0n);
    const place = { lane, blockNumber: 0n, parentHash: ZERO_HASH };
    const outcome = await verifyVerdict(() => buildBlock({ ...place, payload }));
    expect(outcome).toBe(expected.accept ? "accept" : expected.errorClass);
    expect(expected.errorClass === "").toBe(expected.accept);
  });
});

/** Whether the canonical bytes of what was decoded are the input, and their hash where there is one. */
function expectCanonical(
  again: Uint8Array,
  input: Uint8Array,
  expected: {
    readonly type: string;
    readonly reencodesToInput: boolean;
    readonly hash?: string | undefined;
  },
): void {
  expect(Buffer.compare(again, input) === 0).toBe(expected.reencodesToInput);
  expect(expected.hash !== undefined).toBe(hashable.has(expected.type));
  if (expected.hash !== undefined) expect(toHex(sha256(again))).toBe(expected.hash);
}
