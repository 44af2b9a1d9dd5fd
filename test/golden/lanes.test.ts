/** Signed chains of blocks, one per lane, and single records that are wrong in one way. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { laneIdOf } from "../../src/types/lane.js";
import { readSignedBlockHeader } from "../../src/wire/codec/block-header.js";
import { signBlock } from "../../src/wire/build.js";
import { Committee } from "../../src/wire/committee.js";
import { decodeSignedBlock } from "../../src/wire/codec/decode.js";
import { keyPairFromSeed } from "../../src/wire/signatures/signer.js";
import { encodeSignedBlock } from "../../src/wire/codec/encode.js";
import { headerHash, laneProposalDigest, payloadHash, sha256 } from "../../src/wire/hash.js";
import { type SignedBlock, ZERO_HASH } from "../../src/wire/messages.js";
import { verifyBlock, verifySignature, verifySignedBlock } from "../../src/wire/rules/verify.js";
import { hex, seedOf, toHex } from "../wire/bytes.js";
import { decimal, describeGolden, eachCase, forPeople, hexText, read } from "./kit/cases.js";
import { expectQuorums, lane, member, publicOf, quorums, weighted } from "./kit/committees.js";
import { goldenDirectory, goldenText } from "./kit/golden.js";
import { verifyVerdict } from "./kit/verdicts.js";

const layout = z.strictObject({
  about: z.strictObject({
    what: forPeople,
    revision: hexText,
    lanes: forPeople,
    bad: forPeople,
  }),
  members: z.array(member).min(1),
  committee: z.strictObject(quorums),
  lanes: z.array(z.unknown()).min(1),
  bad: z.array(z.unknown()).min(1),
});

const record = {
  record: hexText,
  sha256: hexText,
  number: decimal,
  headerHash: hexText,
  payloadHash: hexText,
  parentHash: hexText,
  digest: hexText,
};
const recordShape = z.strictObject(record);
type Stored = z.infer<typeof recordShape>;
const laneFile = z.strictObject({
  file: z.string(),
  count: z.number(),
  dirName: hexText,
  keySeed: z.string(),
  lane,
});
const badRecord = z.strictObject({
  ...record,
  name: z.string(),
  signer: hexText,
  blockVerify: z.string(),
  signatureVerify: z.string(),
  signerIsLaneOwner: z.boolean(),
});

/** The stored record decodes, comes back byte for byte, and has the hashes that it should. */
function signedBlockOf(stored: Stored): SignedBlock {
  const bytes = hex(stored.record);
  const signed = decodeSignedBlock(bytes);
  const { header } = signed.msg;
  expect({
    record: toHex(encodeSignedBlock(signed)),
    sha256: toHex(sha256(bytes)),
    number: header.blockNumber,
    headerHash: toHex(headerHash(header)),
    payloadHash: toHex(header.payloadHash),
    parentHash: toHex(header.parentHash),
    digest: toHex(laneProposalDigest(signed.msg)),
  }).toEqual({
    record: stored.record,
    sha256: stored.sha256,
    number: stored.number,
    headerHash: stored.headerHash,
    payloadHash: stored.payloadHash,
    parentHash: stored.parentHash,
    digest: stored.digest,
  });
  expect(readSignedBlockHeader(bytes)).toEqual(header);
  return signed;
}

describeGolden("lanes/index.json", layout, (sections, whole) => {
  const committee = () => Committee.genesis(weighted(read(z.array(member), whole["members"])));

  it("the committee has its quorums and lanes", () => {
    expectQuorums(committee(), read(z.strictObject(quorums), whole["committee"]));
  });

  it("every file in the folder is listed", () => {
    const listed = sections("lanes").map((entry) => (entry as { readonly file: string }).file);
    const found = readdirSync(join(goldenDirectory, "lanes"));
    expect(found.sort()).toEqual(["index.json", ...listed].sort());
  });

  for (const [at, entry] of sections("lanes").entries()) {
    const { file } = entry as { readonly file: string };
    const records = goldenText(`lanes/${file}`)
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));

    describe(file, () => {
      it(`lanes[${at}] is its owner's lane and has the right number of records`, () => {
        const listed = read(laneFile, entry);
        expect(records.length).toBe(listed.count);
        expect(listed.lane.validator).toBe(publicOf(listed.keySeed));
        const { validator, joined } = listed.lane;
        expect(laneIdOf(hex(validator), joined)).toBe(listed.dirName);
      });

      const named = ["number"];
      eachCase({ of: file, entries: records, shape: recordShape, named }, (stored, index) => {
        const { keySeed, dirName } = read(laneFile, entry);
        const signed = signedBlockOf(stored);
        const { header, payload } = signed.msg;
        expect(header.lane).toBe(dirName);
        expect(header.blockNumber).toBe(BigInt(index));
        expect(toHex(payloadHash(payload))).toBe(stored.payloadHash);
        const below = records[index - 1];
        const parent = below === undefined ? toHex(ZERO_HASH) : read(recordShape, below).headerHash;
        expect(stored.parentHash).toBe(parent);
        verifySignedBlock(signed, committee());
        expect(signBlock(signed.msg, keyPairFromSeed(seedOf(keySeed)))).toEqual(signed);
      });
    });
  }

  const bad = sections("bad");
  eachCase({ of: "bad", entries: bad, shape: badRecord, named: ["name"] }, async (stored) => {
    const signed = signedBlockOf(stored);
    const { msg, sig } = signed;
    expect(toHex(sig.key)).toBe(stored.signer);
    expect(msg.header.lane.startsWith(stored.signer)).toBe(stored.signerIsLaneOwner);
    const members = committee();
    expect(await verifyVerdict(() => verifyBlock(msg, members))).toBe(stored.blockVerify);
    const digest = laneProposalDigest(msg);
    const bySignature = await verifyVerdict(() => verifySignature(sig, digest, members));
    expect(bySignature).toBe(stored.signatureVerify);
    // Into a lane goes only what passes all three, and the first that fails is the reason.
    const reasons = [
      stored.signerIsLaneOwner ? "accept" : "wrong_signer",
      stored.blockVerify,
      stored.signatureVerify,
    ];
    const first = reasons.find((reason) => reason !== "accept") ?? "accept";
    expect(await verifyVerdict(() => verifySignedBlock(signed, members))).toBe(first);
  });
});
