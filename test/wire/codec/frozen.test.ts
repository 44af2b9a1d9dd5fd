/**
 * Vectors that stay with the tests: of every message type the bytes and the hash of one value, and
 * of every signing arm the digest and the signature. They were checked against sei-chain's when
 * they were made, and are not made anew: where one differs, records on disk have become unreadable,
 * or signatures void.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { verify } from "../../../src/wire/signatures/ed25519.js";
import { encodeProposal } from "../../../src/wire/codec/encode.js";
import {
  headerHash,
  laneProposalDigest,
  msgDigest,
  payloadHash,
  sha256,
} from "../../../src/wire/hash.js";
import { hex, toHex } from "../bytes.js";
import { block, first, messages, payload, proposal, samples } from "../samples.js";

interface Frozen {
  readonly types: Readonly<Record<string, { readonly bytes: string; readonly sha256: string }>>;
  readonly arms: Readonly<Record<string, { readonly digest: string; readonly signature: string }>>;
}

const frozen = JSON.parse(readFileSync(new URL("frozen.json", import.meta.url), "utf8")) as Frozen;
const schema = protobuf.loadSync(
  fileURLToPath(new URL("../../../proto/autobahn.proto", import.meta.url)),
);

describe("frozen bytes", () => {
  it("are there for every message of the schema", () => {
    const named = schema.lookup("autobahn");
    if (!(named instanceof protobuf.Namespace)) throw new Error("the schema has no messages");
    const types = named.nestedArray.filter((entry) => entry instanceof protobuf.Type);
    const names = types.map(({ name }) => name).sort();
    expect(Object.keys(frozen.types).sort()).toEqual(names);
    expect(Object.keys(samples).sort()).toEqual(names);
  });

  it.for(Object.entries(frozen.types))("%s encodes to them and comes back", ([name, expected]) => {
    const sample = samples[name];
    if (sample === undefined) throw new Error(`no sample of ${name}`);
    expect(toHex(sample.encoded)).toBe(expected.bytes);
    expect(toHex(sha256(sample.encoded))).toBe(expected.sha256);
    expect(sample.decode(hex(expected.bytes))).toEqual(sample.value);
  });

  it.for(Object.entries(frozen.types))("%s reads the same by protobufjs", ([name, expected]) => {
    const type = schema.lookupType(`autobahn.${name}`);
    const again = type.encode(type.decode(hex(expected.bytes))).finish();
    expect(toHex(again)).toBe(expected.bytes);
  });

  it("a proposal's ranges are sorted, whatever their order was", () => {
    const laneRanges = [...proposal.laneRanges].reverse();
    expect(toHex(encodeProposal({ ...proposal, laneRanges }))).toBe(
      frozen.types["Proposal"]?.bytes,
    );
  });
});

describe("frozen hashes and signatures", () => {
  it("a header's and a payload's hash are those of their bytes", () => {
    expect(toHex(headerHash(block.header))).toBe(frozen.types["BlockHeader"]?.sha256);
    expect(toHex(payloadHash(payload))).toBe(frozen.types["Payload"]?.sha256);
  });

  it("there is one for each arm", () => {
    expect(messages.map(({ kind }) => kind).sort()).toEqual(Object.keys(frozen.arms).sort());
  });

  it.for(messages)("$kind has its digest and signature", (msg) => {
    const digest = msgDigest(msg);
    expect(toHex(digest)).toBe(frozen.arms[msg.kind]?.digest);
    const sig = first.sign(digest);
    expect(toHex(sig.bytes)).toBe(frozen.arms[msg.kind]?.signature);
    expect(verify(digest, sig)).toBe(true);
  });

  it("a signature under one arm is none under another", () => {
    const sig = first.sign(laneProposalDigest(block));
    const accepting = messages.filter((msg) => verify(msgDigest(msg), sig));
    expect(accepting.map(({ kind }) => kind)).toEqual(["lane_proposal"]);
  });
});
