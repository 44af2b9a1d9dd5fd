import { describe, expect, it } from "vitest";
import { blockNumber, roadIndex } from "../../src/types/numbers.js";
import { Committee, type Epoch } from "../../src/wire/committee.js";
import {
  decodeAppProposal,
  decodeAppQC,
  decodeCommitQC,
  decodeFullCommitQC,
  decodeLaneQC,
  decodePrepareQC,
  decodeSignedBlock,
  decodeTimeoutQC,
} from "../../src/wire/decode.js";
import { DecodeError } from "../../src/wire/decode-error.js";
import { encodeSignedBlock } from "../../src/wire/encode.js";
import { headerHash, laneProposalDigest, payloadHash, sha256 } from "../../src/wire/hash.js";
import { readSignedBlockHeader } from "../../src/wire/block-header.js";
import { verifyTimeoutQC } from "../../src/wire/timeout.js";
import {
  verifyAppAgainstCommit,
  verifyAppQC,
  verifyBlock,
  verifyCommitQC,
  verifyFullCommitQC,
  verifyLaneQC,
  verifyPrepareQC,
  verifySignature,
  verifySignedBlock,
} from "../../src/wire/verify.js";
import { VerifyError } from "../../src/wire/verify-error.js";
import { golden, goldenText, hex, noGolden, toHex } from "./golden.js";

interface Members {
  readonly members: readonly { readonly public: string; readonly weight: string }[];
}

interface QCs {
  readonly committees: readonly (Members & {
    readonly name: string;
    readonly lanes: readonly { readonly validator: string; readonly joined: string }[];
    readonly epoch: {
      readonly index: string;
      readonly roads: { readonly first: string; readonly next: string };
    };
  })[];
  readonly cases: readonly {
    readonly name: string;
    readonly type: string;
    readonly bytes: string;
    readonly committee: string;
    readonly decodes: boolean;
    readonly accept: boolean;
    readonly errorClass?: string;
    readonly commitQC?: string;
    readonly previousCommitQC?: string | null;
  }[];
}

interface LaneBlock {
  readonly name: string;
  readonly record: string;
  readonly number: string;
  readonly headerHash: string;
  readonly payloadHash: string;
  readonly parentHash: string;
  readonly digest: string;
  readonly sha256: string;
}

interface Lanes extends Members {
  readonly lanes: readonly {
    readonly file: string;
    readonly count: number;
    readonly dirName: string;
  }[];
  readonly bad: readonly (LaneBlock & {
    readonly blockVerify: string;
    readonly signatureVerify: string;
    readonly signerIsLaneOwner: boolean;
  })[];
}

function weighted({ members }: Members) {
  return members.map((member) => ({ key: hex(member.public), weight: BigInt(member.weight) }));
}

/** A committee whose lanes have the given joined epochs. */
function committeeOf(listed: QCs["committees"][number]): Committee {
  const weights = weighted(listed);
  const epochs = [...new Set(listed.lanes.map((lane) => BigInt(lane.joined)))].sort();
  let committee: Committee | undefined;
  for (const epoch of epochs) {
    const present = weights.filter(({ key }) => {
      const lane = listed.lanes.find((candidate) => candidate.validator === toHex(key));
      return lane !== undefined && BigInt(lane.joined) <= epoch;
    });
    if (committee !== undefined) committee = committee.after(epoch, present);
    else if (epoch === 0n) committee = Committee.genesis(present);
    else
      committee = Committee.genesis([{ key: new Uint8Array(32), weight: 1n }]).after(
        epoch,
        present,
      );
  }
  if (committee === undefined) throw new Error("a committee without lanes");
  const final = committee;
  expect(final.members.map(({ lane }) => lane.slice(0, 64))).toEqual(
    listed.lanes.map((lane) => lane.validator),
  );
  expect(final.members.map(({ joined }) => String(joined))).toEqual(
    listed.lanes.map((lane) => lane.joined),
  );
  return final;
}

async function verdict(check: () => void | Promise<void>): Promise<string> {
  try {
    await check();
    return "accept";
  } catch (error) {
    if (error instanceof VerifyError) return error.errorClass;
    throw error;
  }
}

async function verifyCase(testCase: QCs["cases"][number], epoch: Epoch): Promise<void> {
  const bytes = hex(testCase.bytes);
  const { committee } = epoch;
  switch (testCase.type) {
    case "CommitQC":
      return verifyCommitQC(decodeCommitQC(bytes), epoch);
    case "PrepareQC":
      return verifyPrepareQC(decodePrepareQC(bytes), epoch);
    case "LaneQC":
      return verifyLaneQC(decodeLaneQC(bytes), committee);
    case "AppQC":
      return verifyAppQC(decodeAppQC(bytes), committee);
    case "FullCommitQC":
      return verifyFullCommitQC(decodeFullCommitQC(bytes), epoch);
    case "AppProposalAgainstCommitQC":
      return verifyAppAgainstCommit(
        decodeAppProposal(bytes),
        decodeCommitQC(hex(testCase.commitQC ?? "")),
      );
    case "TimeoutQC": {
      const previous = testCase.previousCommitQC;
      const qc = typeof previous === "string" ? decodeCommitQC(hex(previous)) : undefined;
      return verifyTimeoutQC(decodeTimeoutQC(bytes), epoch, qc);
    }
    default:
      throw new Error(`no verifier for ${testCase.type}`);
  }
}

describe.skipIf(noGolden)("certificates get the golden verdicts", () => {
  const data = noGolden ? undefined : golden<QCs>("qcs.json");
  const epochs = new Map(
    (data?.committees ?? []).map((listed): [string, Epoch] => [
      listed.name,
      {
        index: BigInt(listed.epoch.index),
        firstRoad: roadIndex(BigInt(listed.epoch.roads.first)),
        nextRoad: roadIndex(BigInt(listed.epoch.roads.next)),
        committee: committeeOf(listed),
      },
    ]),
  );

  it.for(data?.cases ?? [])("$type in $committee: $name", async (testCase) => {
    const epoch = epochs.get(testCase.committee);
    if (epoch === undefined) throw new Error(`no committee ${testCase.committee}`);
    const expected = testCase.accept ? "accept" : testCase.errorClass;
    expect(await verdict(() => verifyCase(testCase, epoch))).toBe(expected);
  });
});

describe.skipIf(noGolden)("lane blocks", () => {
  const index = noGolden ? undefined : golden<Lanes>("lanes/index.json");
  const committee = index === undefined ? undefined : Committee.genesis(weighted(index));

  function checkHashes(block: LaneBlock): void {
    const bytes = hex(block.record);
    const signed = decodeSignedBlock(bytes);
    expect(toHex(encodeSignedBlock(signed))).toBe(block.record);
    expect(toHex(sha256(bytes))).toBe(block.sha256);
    expect(toHex(headerHash(signed.msg.header))).toBe(block.headerHash);
    expect(toHex(laneProposalDigest(signed.msg))).toBe(block.digest);
    expect(signed.msg.header.blockNumber).toBe(blockNumber(BigInt(block.number)));
    const read = readSignedBlockHeader(bytes);
    expect(read.header).toEqual(signed.msg.header);
    expect(toHex(read.headerHash)).toBe(block.headerHash);
  }

  it.for(index?.lanes ?? [])("every block of $file verifies and follows its parent", (lane) => {
    if (committee === undefined) throw new Error("no committee");
    const lines = goldenText(`lanes/${lane.file}`).trim().split("\n");
    expect(lines.length).toBe(lane.count);
    let parent = "00".repeat(32);
    for (const line of lines) {
      const block = JSON.parse(line) as LaneBlock;
      checkHashes(block);
      const signed = decodeSignedBlock(hex(block.record));
      expect(signed.msg.header.lane).toBe(lane.dirName);
      expect(toHex(payloadHash(signed.msg.payload))).toBe(block.payloadHash);
      expect(toHex(signed.msg.header.parentHash)).toBe(parent);
      verifySignedBlock(signed, committee);
      parent = block.headerHash;
    }
  });

  it.for(index?.bad ?? [])("$name", async (bad) => {
    if (committee === undefined) throw new Error("no committee");
    checkHashes(bad);
    const signed = decodeSignedBlock(hex(bad.record));
    const digest = laneProposalDigest(signed.msg);
    expect(await verdict(() => verifyBlock(signed.msg, committee))).toBe(bad.blockVerify);
    expect(await verdict(() => verifySignature(signed.sig, digest, committee))).toBe(
      bad.signatureVerify,
    );
    const fine = bad.blockVerify === "accept" && bad.signatureVerify === "accept";
    const whole = await verdict(() => verifySignedBlock(signed, committee));
    expect(whole === "accept").toBe(fine && bad.signerIsLaneOwner);
    if (!bad.signerIsLaneOwner) expect(whole).toBe("wrong_signer");
  });

  it("the header reader refuses damaged framing and ignores the payload's inside", () => {
    const good = hex(index?.bad[0]?.record ?? "");
    for (let length = 0; length < good.length; length++) {
      expect(() => readSignedBlockHeader(good.subarray(0, length))).toThrow(DecodeError);
    }
  });
});
