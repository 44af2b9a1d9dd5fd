/** A few vectors that stay with the tests: one key, its first block, and what follows from them. */
import { describe, expect, it } from "vitest";
import { laneIdOf } from "../../src/types/lane.js";
import { blockNumber, roadIndex } from "../../src/types/numbers.js";
import {
  buildAppQC,
  buildBlock,
  buildCommitQC,
  laneRangeOf,
  signBlock,
} from "../../src/wire/build.js";
import { Committee, type Epoch } from "../../src/wire/committee.js";
import { decodeSignedBlock } from "../../src/wire/decode.js";
import { keyPairFromSeed, verify, verifyFast, verifySlowly } from "../../src/wire/ed25519.js";
import { encodePayload, encodeSignedBlock } from "../../src/wire/encode.js";
import { headerHash, laneProposalDigest, payloadHash, sha256 } from "../../src/wire/hash.js";
import { type Payload, ZERO_HASH } from "../../src/wire/messages.js";
import { globalRange } from "../../src/wire/proposal.js";
import {
  verifyAppAgainstCommit,
  verifyAppQC,
  verifyCommitQC,
  verifySignedBlock,
} from "../../src/wire/verify.js";
import { seedOf, toHex } from "./golden.js";

const keys = keyPairFromSeed(seedOf("node-0"));
const lane = laneIdOf(keys.publicKey, 0n);
const payload: Payload = {
  createdAt: { seconds: 1_700_000_000n, nanos: 5 },
  txs: [Uint8Array.from(Buffer.from("tx"))],
  totalGasWanted: 21_000n,
  totalGasEstimated: 21_000n,
};
const block = buildBlock({ lane, blockNumber: blockNumber(0n), parentHash: ZERO_HASH, payload });
const committee = Committee.genesis([{ key: keys.publicKey, weight: 1n }]);

describe("frozen vectors", () => {
  it("the payload has its bytes and hash", () => {
    expect(toHex(encodePayload(payload))).toBe("0a080880e2cfaa061005320274783888a4014088a401");
    expect(toHex(payloadHash(payload))).toBe(
      "516aa74f97d0652158c202b90ed29e73ee8470380cfb1949282bcb3d3fdcca39",
    );
  });

  it("the header has its hash and the block its digest", () => {
    expect(toHex(headerHash(block.header))).toBe(
      "0a96695ed0d76787133f57cb2dc09f3a84612c9166fd10636fc563abf929683c",
    );
    expect(toHex(laneProposalDigest(block))).toBe(
      "052f18a81930d4814102f7f6654fc8ae854e945d2799f4a05128ffd9943f6c2b",
    );
  });

  it("the key and the signature are these, and both verifiers accept", () => {
    const signed = signBlock(block, keys);
    expect(toHex(signed.sig.key)).toBe(
      "a3fd290aee36e3df337c07ae07336e5a68987fff42ce69810d94eb148899e662",
    );
    expect(toHex(signed.sig.bytes)).toBe(
      "f2f3ad1caf023c291f035aec3cc05cd6ca909e8c0337d06217b253c36eae2b56" +
        "4869a8769672327da5a65c31ef0cf0fda3f7a35f68ebac2bfc0b0dc299d5f503",
    );
    const digest = laneProposalDigest(block);
    expect(verifyFast(digest, signed.sig)).toBe(true);
    expect(verifySlowly(digest, signed.sig)).toBe(true);
    expect(verify(sha256(digest), signed.sig)).toBe(false);
  });

  it("the record has its length and hash, and comes back", () => {
    const signed = signBlock(block, keys);
    const bytes = encodeSignedBlock(signed);
    expect(bytes.length).toBe(243);
    expect(toHex(sha256(bytes))).toBe(
      "9edb5cfbb4853305839ad76bc468997112c33bf212aad71ba126aeca3ec72ab7",
    );
    expect(decodeSignedBlock(bytes)).toEqual(signed);
    verifySignedBlock(signed, committee);
  });
});

describe("what is built verifies", () => {
  const epoch: Epoch = {
    index: 0n,
    firstRoad: roadIndex(0n),
    nextRoad: roadIndex(100n),
    committee,
  };
  const commitQC = buildCommitQC(
    {
      view: { index: roadIndex(3n), number: 0n, epochIndex: 0n },
      timestamp: payload.createdAt,
      laneRanges: [laneRangeOf(lane, blockNumber(0n), [block.header])],
      globalFirst: 7n,
    },
    [keys],
  );
  const range = globalRange(commitQC.vote);
  const app = {
    roadIndex: roadIndex(3n),
    appHash: undefined,
    epochIndex: 0n,
    globalFirst: range.first,
    globalNext: range.next,
  };

  it("a commit QC and the app QC about it", async () => {
    await verifyCommitQC(commitQC, epoch);
    await verifyAppQC(buildAppQC(app, [keys]), committee);
    verifyAppAgainstCommit(app, commitQC);
  });

  it("a payload over the limits is not built", () => {
    const at = { lane, blockNumber: blockNumber(0n), parentHash: ZERO_HASH };
    const many = { ...payload, txs: Array.from({ length: 2_001 }, () => new Uint8Array(0)) };
    expect(() => buildBlock({ ...at, payload: many })).toThrow("limit.txs");
    const large = { ...payload, txs: [new Uint8Array(2_048_001)] };
    expect(() => buildBlock({ ...at, payload: large })).toThrow("limit.bytes");
  });
});
