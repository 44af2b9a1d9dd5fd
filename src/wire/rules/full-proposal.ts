/**
 * The rules for a full proposal: it must follow from the last commit QC, from the timeout QC that ended
 * the view before, and from a lane QC for each range of blocks.
 */
import type { LaneId } from "../../types/lane.js";
import { memberClaim, type Rule } from "../signatures/claim.js";
import { type Epoch, epochShape } from "../committee.js";
import { headerHash, proposalDigest, sameBytes } from "../hash.js";
import {
  type CommitQC,
  type FullProposal,
  type LaneRange,
  type Proposal,
  type TimeoutQC,
  type Timestamp,
  type View,
  ZERO_HASH,
} from "../messages.js";
import { globalRange, verifyProposal } from "./proposal.js";
import { laneRule } from "./rules.js";
import { maybe, record, type Shape, u64, type Fields } from "../../types/shape.js";
import * as shapes from "../shapes.js";
import { roadAfter, sameView, timeoutRule, timeoutView } from "./timeout.js";
import { VerifyError, type VerifyErrorClass } from "../verify-error.js";

/** The knowledge of a validator at the start of a view. It measures proposals by this. */
export interface ViewStart {
  readonly epoch: Epoch;
  /** The commit QC of the road before; none on road 0. */
  readonly commitQC: CommitQC | undefined;
  /** The timeout QC that ended the view before, if one did. */
  readonly timeoutQC: TimeoutQC | undefined;
  /** The beginning of the chain, which counts on road 0. */
  readonly genesis: { readonly globalFirst: bigint; readonly timestamp: Timestamp };
}

export const viewStartShape: Shape = record({
  epoch: epochShape,
  commitQC: maybe(shapes.proposalQC),
  timeoutQC: maybe(shapes.timeoutQC),
  genesis: record({ globalFirst: u64, timestamp: shapes.timestamp } satisfies Fields<
    ViewStart["genesis"]
  >),
} satisfies Fields<ViewStart>);

/** The rule of `verifyFullProposal`, in the order of its doc. */
export function* fullProposalRule(full: FullProposal, start: ViewStart): Rule {
  const { msg: proposal, sig } = full.proposal;
  const { epoch, commitQC } = start;
  const view = viewOf(start);
  must(sameView(proposal.view, view), "view", "the proposal is of another view");
  const { globalFirst, earliest } = continuationOf(start);
  const found = proposal.globalFirst;
  must(found === globalFirst, "global_first", `${found}, not ${globalFirst}`);
  must(instantAfter(proposal.timestamp, 0n) >= earliest, "timestamp", "it is too early");
  const leader = epoch.committee.leader(view);
  must(sameBytes(sig.key, leader.key), "wrong_leader", "the signer does not lead this view");
  const digest = proposalDigest(proposal);
  yield memberClaim(digest, sig, epoch.committee);
  const isSameEnd = sameView(viewAfter(start.timeoutQC), viewAfter(full.timeoutQC));
  must(isSameEnd, "timeout_qc", "the timeout QC is of another view than the last one");
  if (full.timeoutQC !== undefined) {
    yield* timeoutRule(full.timeoutQC, epoch, commitQC);
    const again = reproposalOf(full.timeoutQC);
    if (again !== undefined) {
      must(full.laneQCs.length === 0, "unnecessary_lane_qc", "lane QCs beside a reproposal");
      must(sameBytes(proposalDigest(again), digest), "reproposal", "another one was prepared");
      return;
    }
  }
  verifyProposal(proposal, epoch);
  yield* rangesRule(full, start);
}

/** Every lane's range starts at the end of its last one, and a lane QC is about its last block. */
function* rangesRule({ proposal, laneQCs }: FullProposal, { epoch, commitQC }: ViewStart): Rule {
  const ranges = rangesByLane(proposal.msg);
  const before = rangesByLane(commitQC?.vote);
  const byLane = new Map(laneQCs.map((qc) => [qc.vote.lane, qc]));
  for (const { lane } of epoch.committee.members) {
    const { first, next, lastHash } = ranges.get(lane) ?? EMPTY;
    const wanted = (before.get(lane) ?? EMPTY).next;
    must(first === wanted, "range_first", `lane ${lane} starts at ${first}, not ${wanted}`);
    if (first === next) continue;
    const qc = byLane.get(lane);
    if (qc === undefined) throw new VerifyError("missing", `lane ${lane} has no lane QC`);
    must(qc.vote.blockNumber === next - 1n, "lane_qc_number", `lane ${lane}: another block`);
    must(sameBytes(headerHash(qc.vote), lastHash), "lane_qc_hash", `lane ${lane}: another header`);
    yield* laneRule(qc, epoch.committee);
  }
}

/** A lane without a range reads as this one. */
const EMPTY: Pick<LaneRange, "first" | "next" | "lastHash"> = {
  first: 0n,
  next: 0n,
  lastHash: ZERO_HASH,
};

function rangesByLane(proposal: Proposal | undefined): ReadonlyMap<LaneId, LaneRange> {
  return new Map(proposal?.laneRanges.map((range) => [range.lane, range]));
}

/** The view that starts: after the timeout, or the first one of the next road. */
function viewOf({ epoch, commitQC, timeoutQC }: ViewStart): View {
  const index = roadAfter(commitQC);
  const next = viewAfter(timeoutQC);
  return { index, number: next.index === index ? next.number : 0n, epochIndex: epoch.index };
}

/** The view after the one that was given up; the very first one if none was. */
function viewAfter(timeoutQC: TimeoutQC | undefined): View {
  if (timeoutQC === undefined) return { index: 0n, number: 0n, epochIndex: 0n };
  const view = timeoutView(timeoutQC);
  return { ...view, number: BigInt.asUintN(64, view.number + 1n) };
}

/** The proposal that a timeout QC asks to be proposed again, if it names one. */
function reproposalOf(timeoutQC: TimeoutQC): Proposal | undefined {
  const prepared = timeoutQC.latestPrepareQC?.vote;
  return prepared && { ...prepared, view: viewAfter(timeoutQC) };
}

/** The global number of the next proposal's first block, and the earliest time it may have. */
function continuationOf({ commitQC, genesis }: ViewStart): {
  readonly globalFirst: bigint;
  readonly earliest: bigint;
} {
  if (commitQC === undefined) {
    return { globalFirst: genesis.globalFirst, earliest: instantAfter(genesis.timestamp, 0n) };
  }
  const { first, next } = globalRange(commitQC.vote);
  const blocks = BigInt.asUintN(64, next - first);
  return { globalFirst: next, earliest: instantAfter(commitQC.vote.timestamp, blocks) };
}

const NANOS_PER_SECOND = 1_000_000_000n;
const NANOS_PER_BLOCK = 1_000n;
/** From year 1 to 1970. sei-chain counts from year 1, and wraps at 64 bits. */
const SECONDS_BEFORE_1970 = 62_135_596_800n;
const I64_MAX = 2n ** 63n - 1n;

/** The time of the block that comes `blocks` after `timestamp`, as sei-chain orders times. */
function instantAfter(timestamp: Timestamp, blocks: bigint): bigint {
  const nanos = BigInt(timestamp.nanos) + blocks * NANOS_PER_BLOCK;
  const wrapped = BigInt.asIntN(64, timestamp.seconds + SECONDS_BEFORE_1970);
  const seconds = wrapped + nanos / NANOS_PER_SECOND;
  return (seconds > I64_MAX ? I64_MAX : seconds) * NANOS_PER_SECOND + (nanos % NANOS_PER_SECOND);
}

function must(holds: boolean, errorClass: VerifyErrorClass, detail: string): void {
  if (!holds) throw new VerifyError(errorClass, detail);
}
