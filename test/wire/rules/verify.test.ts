/** Why blocks and certificates are refused: for each class a single change to a good one. */
import { describe, expect, it } from "vitest";
import { laneIdOf } from "../../../src/types/lane.js";
import { U64_MAX } from "../../../src/types/numbers.js";
import * as certificates from "../../../src/testing/certificates.js";
import * as build from "../../../src/wire/build.js";
import { laneProposalDigest } from "../../../src/wire/hash.js";
import {
  type LaneRange,
  type Proposal,
  type Signature,
  type TimeoutVote,
  ZERO_HASH,
} from "../../../src/wire/messages.js";
import {
  verifyAppAgainstCommit,
  verifyAppQC,
  verifyBlock,
  verifyCommitQC,
  verifyFullCommitQC,
  verifyLaneQC,
  verifyPrepareQC,
  verifySignedBlock,
  verifyTimeoutQC,
} from "../../../src/wire/rules/verify.js";
import {
  VerifyError,
  type VerifyErrorClass,
  verifyErrorClasses,
} from "../../../src/wire/verify-error.js";
import * as s from "../samples.js";

/** A case: its fault, the class of the refusal, and the check that refuses. */
type Refusal = readonly [string, VerifyErrorClass, () => void | Promise<void>];

const { view } = s.proposal;
const strangersLane = laneIdOf(s.stranger.publicKey, 0n);

/** Verifies a commit QC of a quorum about the sample proposal with `change`. */
const proposing = (change: Partial<Proposal>) => () =>
  verifyCommitQC(certificates.buildCommitQC({ ...s.proposal, ...change }, s.quorum), s.epoch);

const ranging = (change: Partial<LaneRange>) => {
  const [empty, full] = s.proposal.laneRanges;
  if (empty === undefined || full === undefined) throw new Error("the sample has two ranges");
  return proposing({ laneRanges: [{ ...empty, ...change }, full] });
};

/** Verifies the sample commit QC with other signatures. */
const signing = (sigs: readonly (Signature | undefined)[]) => () => {
  const given = sigs.filter((sig) => sig !== undefined);
  return verifyCommitQC({ ...s.commitQC, sigs: given }, s.epoch);
};
const [one, two, three] = s.commitQC.sigs;
const byStranger = certificates.buildCommitQC(s.proposal, [s.stranger]).sigs[0];
const ofPrepare = certificates.buildPrepareQC(s.proposal, s.quorum).sigs[2];

/** The QC of the road before, which a timeout QC follows. */
const previous = {
  ...s.commitQC,
  vote: { ...s.proposal, view: { ...view, index: 2n } },
};
const timingOut =
  (
    votes: readonly TimeoutVote[],
    latestPrepareQC = s.timeoutQC.latestPrepareQC,
    after = previous,
  ) =>
  () => {
    const signed = votes.map((vote, index) =>
      build.signTimeoutVote(vote, s.quorum[index] ?? s.first),
    );
    return verifyTimeoutQC({ votes: signed, latestPrepareQC }, s.epoch, after);
  };
const vote = s.timeoutVote;
const without = { ...vote, latestPrepareQcViewNumber: undefined };

const refusals: readonly Refusal[] = [
  ["signatures below the quorum", "quorum", signing([one, two])],
  [
    "a lane QC below its quorum",
    "quorum",
    () => verifyLaneQC({ ...s.laneQC, sigs: s.laneQC.sigs.slice(1) }, s.committee),
  ],
  [
    "an app QC below its quorum",
    "quorum",
    () => verifyAppQC({ ...s.appQC, sigs: s.appQC.sigs.slice(1) }, s.committee),
  ],
  ["two timeout votes", "quorum", timingOut([vote, vote])],
  ["a signer twice", "duplicate_signer", signing([one, two, three, one])],
  ["a stranger, after the quorum", "not_a_replica", signing([one, two, three, byStranger])],
  ["a signature under another arm", "bad_signature", signing([one, two, ofPrepare])],
  ["commit votes for a prepare QC", "bad_signature", () => verifyPrepareQC(s.commitQC, s.epoch)],
  ["another epoch", "epoch", proposing({ view: { ...view, epochIndex: 1n } })],
  [
    "a road after the epoch",
    "road_range",
    proposing({ view: { ...view, index: s.epoch.nextRoad } }),
  ],
  ["no block", "empty_tipcut", proposing({ laneRanges: [] })],
  ["eleven blocks of a lane", "range_too_long", ranging({ next: 18n })],
  ["a range that wraps", "invalid_range", ranging({ first: U64_MAX, next: 1n })],
  ["a lane of nobody", "not_a_lane", ranging({ lane: strangersLane })],
  [
    "a hash on an empty range",
    "nonzero_hash_on_empty_range",
    ranging({ lastHash: new Uint8Array(32).fill(1) }),
  ],
  [
    "too few headers",
    "headers_length",
    () => verifyFullCommitQC({ qc: s.commitQC, headers: [] }, s.epoch),
  ],
  [
    "another header",
    "header_hash",
    () =>
      verifyFullCommitQC(
        { qc: s.commitQC, headers: [{ ...s.block.header, blockNumber: 1n }] },
        s.epoch,
      ),
  ],
  [
    "an app proposal of another road",
    "road_index",
    () => verifyAppAgainstCommit({ ...s.app, roadIndex: 4n }, s.commitQC),
  ],
  [
    "an app proposal of another epoch",
    "epoch",
    () => verifyAppAgainstCommit({ ...s.app, epochIndex: 1n }, s.commitQC),
  ],
  [
    "an app proposal of other blocks",
    "global_range",
    () => verifyAppAgainstCommit({ ...s.app, globalNext: 9n }, s.commitQC),
  ],
  [
    "timeouts of a road after the epoch",
    "road_range",
    timingOut([{ ...vote, view: { ...view, index: s.epoch.nextRoad } }]),
  ],
  [
    "a timeout QC of another road",
    "timeout_road_index",
    timingOut([vote, vote, vote], s.prepareQC, s.commitQC),
  ],
  [
    "timeouts of two views",
    "timeout_view_mismatch",
    timingOut([vote, vote, { ...vote, view: { ...view, number: 3n } }]),
  ],
  [
    "a prepare QC that nobody named",
    "unnecessary_prepare_qc",
    timingOut([without, without, without]),
  ],
  [
    "a prepare QC that is not the highest named",
    "prepare_qc_view",
    timingOut([vote, vote, { ...vote, latestPrepareQcViewNumber: 2n }]),
  ],
  [
    "a prepare QC that is not there",
    "missing",
    () => verifyTimeoutQC({ ...s.timeoutQC, latestPrepareQC: undefined }, s.epoch, previous),
  ],
  [
    "a block with another payload",
    "payload_hash",
    () => verifyBlock({ ...s.block, payload: { ...s.payload, txs: [] } }, s.committee),
  ],
  [
    "a block of nobody's lane",
    "not_a_lane",
    () =>
      verifySignedBlock(
        build.signBlock(
          { ...s.block, header: { ...s.block.header, lane: strangersLane } },
          s.stranger,
        ),
        s.committee,
      ),
  ],
  [
    "a block signed by another member",
    "wrong_signer",
    () => verifySignedBlock(build.signBlock(s.block, s.second), s.committee),
  ],
  [
    "a block with the signature of another",
    "bad_signature",
    () =>
      verifySignedBlock(
        {
          msg: s.block,
          sig: s.first.sign(laneProposalDigest({ ...s.block, payload: { ...s.payload, txs: [] } })),
        },
        s.committee,
      ),
  ],
];

/**
 * Refused while something is made, or in a full proposal: the tests of committees, of building and
 * of proposals hold these.
 */
const elsewhere: readonly VerifyErrorClass[] = [
  "view",
  "global_first",
  "timestamp",
  "wrong_leader",
  "timeout_qc",
  "unnecessary_lane_qc",
  "reproposal",
  "range_first",
  "lane_qc_number",
  "lane_qc_hash",
  "limit.txs",
  "limit.bytes",
  "epoch_zero",
  "zero_weight",
  "overflow",
  "too_many_validators",
];

describe("refused is", () => {
  it.for(refusals)("%s (%s)", async ([, errorClass, check]) => {
    const error = await reasonOf(check);
    expect(error).toBeInstanceOf(VerifyError);
    expect(error).toMatchObject({ errorClass, message: expect.stringContaining(errorClass) });
  });

  it("something for every class that there is, but the one for what cannot be", () => {
    const seen = new Set([...refusals.map(([, errorClass]) => errorClass), ...elsewhere, "other"]);
    expect(seen).toEqual(new Set(verifyErrorClasses));
  });
});

it("of timeout votes the true maximum counts: 2^64 - 1 is higher than 0", async () => {
  // sei-chain adds 1 to the numbers that it compares, which wraps: it takes the vote for 0 as the highest.
  const numbers = [U64_MAX, 0n, undefined];
  const votes = s.quorum.map((pair, at) => {
    return build.signTimeoutVote({ ...vote, latestPrepareQcViewNumber: numbers[at] }, pair);
  });
  const prepared = { ...s.proposal, view: { ...s.proposal.view, number: 0n } };
  const latestPrepareQC = certificates.buildPrepareQC(prepared, s.quorum);
  const verified = verifyTimeoutQC({ votes, latestPrepareQC }, s.epoch, previous);
  await expect(verified).rejects.toMatchObject({ errorClass: "prepare_qc_view" });
});

describe("accepted is", () => {
  it("a quorum in any order, and more than a quorum", async () => {
    await signing([three, one, two])();
    await verifyCommitQC(certificates.buildCommitQC(s.proposal, s.keys), s.epoch);
  });

  it("a zero hash on a range that is not empty", async () => {
    await ranging({ next: 9n, lastHash: ZERO_HASH })();
  });

  it("a timeout of which no vote names a prepare QC", async () => {
    const votes = s.quorum.map((pair) => build.signTimeoutVote(without, pair));
    await verifyTimeoutQC({ votes, latestPrepareQC: undefined }, s.epoch, previous);
  });

  it("a timeout of road 0 without a QC before it", async () => {
    const first = { ...without, view: { ...view, index: 0n } };
    const votes = s.quorum.map((pair) => build.signTimeoutVote(first, pair));
    await verifyTimeoutQC({ votes, latestPrepareQC: undefined }, s.epoch, undefined);
  });
});

async function reasonOf(check: () => void | Promise<void>): Promise<unknown> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return error;
  }
}
