/** Why a full proposal is refused: for each rule a single change to a good one. */
import { verifyFullProposal } from "../../../src/wire/rules/verify.js";
import { describe, expect, it } from "vitest";
import { U64_MAX } from "../../../src/types/numbers.js";
import * as certificates from "../../../src/testing/certificates.js";
import * as build from "../../../src/wire/build.js";
import type { KeyPair } from "../../../src/wire/signatures/signer.js";
import { type ViewStart } from "../../../src/wire/rules/full-proposal.js";
import { headerHash } from "../../../src/wire/hash.js";
import {
  type BlockHeader,
  type FullProposal,
  type LaneQC,
  type LaneRange,
  type Proposal,
  type TimeoutQC,
  type View,
  ZERO_HASH,
} from "../../../src/wire/messages.js";
import { VerifyError, type VerifyErrorClass } from "../../../src/wire/verify-error.js";
import * as s from "../samples.js";

const lanes = s.committee.members.map(({ lane }) => lane);
const timestamp = { seconds: 1_700_000_000n, nanos: 999_999_000 };

function headerAt(lane: LaneRange["lane"], number: bigint): BlockHeader {
  const parentHash = new Uint8Array(32).fill(Number(number));
  return { lane, blockNumber: number, parentHash, payloadHash: parentHash };
}

function rangeAt(lane: LaneRange["lane"], first: bigint, next: bigint): LaneRange {
  const lastHash = first === next ? ZERO_HASH : headerHash(headerAt(lane, next - 1n));
  return { lane, first, next, lastHash };
}

/** Road 6: it ends lane 0 at 5, lane 1 at 7, lane 2 at 3, and has no range of lane 3. */
const before = certificates.buildCommitQC(
  {
    view: { index: 6n, number: 0n, epochIndex: 0n },
    timestamp,
    laneRanges: [
      rangeAt(lanes[0]!, 4n, 5n),
      rangeAt(lanes[1]!, 5n, 7n),
      rangeAt(lanes[2]!, 3n, 3n),
    ],
    globalFirst: 40n,
  },
  s.quorum,
);
/** Road 7, from which the proposals below are made: two blocks of lane 0, one of lane 2. */
const start: ViewStart = {
  epoch: s.epoch,
  commitQC: before,
  timeoutQC: undefined,
  genesis: { globalFirst: 0n, timestamp },
};
const firstView: View = { index: 7n, number: 0n, epochIndex: 0n };
const good: Proposal = {
  view: firstView,
  // Three blocks of a microsecond after the one before.
  timestamp: { seconds: 1_700_000_001n, nanos: 2_000 },
  laneRanges: [rangeAt(lanes[0]!, 5n, 7n), rangeAt(lanes[1]!, 7n, 7n), rangeAt(lanes[2]!, 3n, 4n)],
  globalFirst: 43n,
};
const laneQCs = [laneQCAt(lanes[0]!, 6n), laneQCAt(lanes[2]!, 3n)];

function laneQCAt(lane: LaneRange["lane"], number: bigint): LaneQC {
  return certificates.buildLaneQC(headerAt(lane, number), [s.first, s.second]);
}

function leaderOf(view: View): KeyPair {
  const { key } = s.committee.leader(view);
  return s.keys.find(({ publicKey }) => Buffer.compare(publicKey, key) === 0)!;
}

function signed(proposal: Proposal, rest: Partial<FullProposal> = {}): FullProposal {
  const keys = leaderOf(proposal.view);
  return { proposal: build.signProposal(proposal, keys), laneQCs, timeoutQC: undefined, ...rest };
}

const changed = (change: Partial<Proposal>, rest?: Partial<FullProposal>) =>
  signed({ ...good, ...change }, rest);

/** The good proposal with the range of lane 0 changed. */
const ranging = (change: Partial<LaneRange>) => {
  const [own, ...others] = good.laneRanges;
  return changed({ laneRanges: [{ ...own!, ...change }, ...others] });
};

function timeoutQCOf(view: View, prepared?: Proposal): TimeoutQC {
  const latestPrepareQcViewNumber = prepared?.view.number;
  const vote = { view, latestPrepareQcViewNumber };
  return {
    votes: s.quorum.map((pair) => build.signTimeoutVote(vote, pair)),
    latestPrepareQC: prepared && certificates.buildPrepareQC(prepared, s.quorum),
  };
}

type Case = readonly [string, FullProposal, ViewStart?];

const road0: Proposal = {
  ...good,
  view: { ...firstView, index: 0n },
  timestamp,
  laneRanges: [rangeAt(lanes[1]!, 0n, 1n)],
  globalFirst: 9n,
};
const genesis: ViewStart = {
  ...start,
  commitQC: undefined,
  genesis: { globalFirst: 9n, timestamp },
};
const onRoad0 = { laneQCs: [laneQCAt(lanes[1]!, 0n)] };

/** Of the first view of road 7, that was given up. */
const nothingPrepared = timeoutQCOf(firstView);
const prepared = timeoutQCOf(firstView, good);
const secondView: View = { ...firstView, number: 1n };
const again = { ...good, view: secondView };
const afterNothing = { ...start, timeoutQC: nothingPrepared };
const afterPrepared = { ...start, timeoutQC: prepared };

const accepted: readonly Case[] = [
  ["what follows from the last commit QC", signed(good)],
  ["a later time", changed({ timestamp: { seconds: 1_700_000_009n, nanos: 0 } })],
  [
    "an empty range at 0 of a lane that had none before",
    changed({ laneRanges: [...good.laneRanges, rangeAt(lanes[3]!, 0n, 0n)] }),
  ],
  [
    "lane QCs that nothing asks for",
    signed(good, { laneQCs: [...laneQCs, laneQCAt(lanes[1]!, 6n)] }),
  ],
  ["the first proposal of all", signed(road0, onRoad0), genesis],
  [
    "any proposal after a timeout with nothing prepared",
    signed(again, { timeoutQC: nothingPrepared }),
    afterNothing,
  ],
  [
    "the prepared proposal again",
    signed(again, { timeoutQC: prepared, laneQCs: [] }),
    afterPrepared,
  ],
];

type Refusal = readonly [string, VerifyErrorClass, FullProposal, ViewStart?];
const badLaneQC = { ...laneQCs[0]!, vote: headerAt(lanes[0]!, 5n) };

const refusals: readonly Refusal[] = [
  ["another view number", "view", changed({ view: secondView })],
  ["another road", "view", changed({ view: { ...firstView, index: 8n } })],
  ["another epoch", "view", changed({ view: { ...firstView, epochIndex: 1n } })],
  ["global numbers with a gap", "global_first", changed({ globalFirst: 44n })],
  [
    "other global numbers than genesis begins with",
    "global_first",
    signed({ ...road0, globalFirst: 0n }, onRoad0),
    genesis,
  ],
  [
    "a time before the last block's",
    "timestamp",
    changed({ timestamp: { seconds: 1_700_000_001n, nanos: 1_999 } }),
  ],
  [
    "a time before genesis",
    "timestamp",
    signed({ ...road0, timestamp: { ...timestamp, nanos: 0 } }, onRoad0),
    genesis,
  ],
  [
    "a time that wraps around",
    "timestamp",
    changed({ timestamp: { seconds: 2n ** 63n - 1n, nanos: 0 } }),
  ],
  [
    "another member's signature",
    "wrong_leader",
    signedBy(s.keys.find((pair) => pair !== leaderOf(firstView))!),
  ],
  ["a signature that is not the leader's", "bad_signature", forged()],
  [
    "a timeout QC that nobody waits for",
    "timeout_qc",
    signed(good, { timeoutQC: nothingPrepared }),
  ],
  ["no timeout QC after a timeout", "timeout_qc", signed(again), afterNothing],
  [
    "a timeout QC below its quorum",
    "quorum",
    signed(again, { timeoutQC: { ...nothingPrepared, votes: nothingPrepared.votes.slice(1) } }),
    afterNothing,
  ],
  [
    "lane QCs beside a reproposal",
    "unnecessary_lane_qc",
    signed(again, { timeoutQC: prepared }),
    afterPrepared,
  ],
  [
    "another proposal than the prepared one",
    "reproposal",
    signed(
      { ...again, timestamp: { seconds: 1_700_000_002n, nanos: 0 } },
      { timeoutQC: prepared, laneQCs: [] },
    ),
    afterPrepared,
  ],
  ["no block", "empty_tipcut", changed({ laneRanges: good.laneRanges.slice(1, 2) })],
  ["a range of eleven blocks", "range_too_long", ranging({ next: 16n })],
  ["a range with a gap before it", "range_first", ranging({ first: 6n })],
  [
    "a range of a lane that ended elsewhere",
    "range_first",
    changed({ laneRanges: good.laneRanges.slice(0, 2) }),
  ],
  ["a range without lane QC", "missing", signed(good, { laneQCs: laneQCs.slice(1) })],
  [
    "a lane QC of a block before the last",
    "lane_qc_number",
    signed(good, { laneQCs: [laneQCAt(lanes[0]!, 5n), laneQCs[1]!] }),
  ],
  [
    "a lane QC of another last block",
    "lane_qc_hash",
    ranging({ lastHash: new Uint8Array(32).fill(9) }),
  ],
  [
    "a lane QC with signatures for another header",
    "bad_signature",
    signed(
      { ...good, laneRanges: [rangeAt(lanes[0]!, 5n, 6n), ...good.laneRanges.slice(1)] },
      { laneQCs: [{ ...badLaneQC }, laneQCs[1]!] },
    ),
  ],
  [
    "a lane QC below its quorum",
    "quorum",
    signed(good, { laneQCs: [{ ...laneQCs[0]!, sigs: laneQCs[0]!.sigs.slice(1) }, laneQCs[1]!] }),
  ],
];

function signedBy(keys: KeyPair): FullProposal {
  return { ...signed(good), proposal: build.signProposal(good, keys) };
}

/** The leader's key beside a signature of another proposal. */
function forged(): FullProposal {
  const { sig } = build.signProposal({ ...good, globalFirst: 44n }, leaderOf(firstView));
  return { ...signed(good), proposal: { msg: good, sig } };
}

describe("a full proposal is accepted:", () => {
  it.for(accepted)("%s", async ([, full, from = start]) => {
    await verifyFullProposal(full, from);
  });
});

describe("a full proposal is refused:", () => {
  it.for(refusals)("%s (%s)", async ([, errorClass, full, from = start]) => {
    const error = await verifyFullProposal(full, from).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(VerifyError);
    expect(error).toMatchObject({ errorClass });
  });
});

describe("the first failure decides", () => {
  const withoutQCs = { laneQCs: [] };

  it("a bad signature comes before what is wrong with the ranges", async () => {
    const check = verifyFullProposal({ ...forged(), ...withoutQCs }, start);
    await expect(check).rejects.toMatchObject({ errorClass: "bad_signature" });
  });

  it("a wrong time comes before a bad signature", async () => {
    const { proposal } = forged();
    const late = { ...before, vote: { ...before.vote, timestamp: good.timestamp } };
    const check = verifyFullProposal({ ...signed(good), proposal }, { ...start, commitQC: late });
    await expect(check).rejects.toMatchObject({ errorClass: "timestamp" });
  });

  it("a view number after the last one wraps to 0", async () => {
    const last = { ...firstView, number: U64_MAX };
    const timeoutQC = timeoutQCOf(last);
    await verifyFullProposal(signed(good, { timeoutQC }), { ...start, timeoutQC });
  });
});
