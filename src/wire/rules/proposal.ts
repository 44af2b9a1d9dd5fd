/** The rules for proposals, and the global numbers that follow from one. */
import type { Committee, Epoch } from "../committee.js";
import { sameBytes } from "../hash.js";
import {
  type LaneRange,
  type Payload,
  type Proposal,
  RANGE_BLOCKS_MAX,
  TXS_BYTES_MAX,
  TXS_MAX,
  type View,
  ZERO_HASH,
} from "../messages.js";
import * as shapes from "../shapes.js";
import { VerifyError } from "../verify-error.js";

/** Blocks in a range, as the difference of two u64. It is huge if `first > next`. */
export function rangeLength(range: Pick<LaneRange, "first" | "next">): bigint {
  return BigInt.asUintN(64, range.next - range.first);
}

/**
 * The global numbers `[first, next)` of a proposal's blocks; `next` wraps at 2^64.
 *
 * @throws {PersisterError} USAGE for what is no proposal.
 */
export function globalRange(proposal: Proposal): { readonly first: bigint; readonly next: bigint } {
  try {
    let next = proposal.globalFirst;
    for (const range of proposal.laneRanges) next += rangeLength(range);
    return { first: proposal.globalFirst, next: BigInt.asUintN(64, next) };
  } catch (cause) {
    shapes.proposal(proposal, "proposal");
    throw cause;
  }
}

/**
 * The proposal belongs to this epoch, finalises something, and its ranges are sound.
 *
 * @throws {VerifyError} `epoch`, `road_range`, `empty_tipcut`, `range_too_long`, `not_a_lane`,
 * `invalid_range`, `nonzero_hash_on_empty_range`.
 */
export function verifyProposal(proposal: Proposal, epoch: Epoch): void {
  verifyView(proposal.view, epoch);
  const { first, next } = globalRange(proposal);
  if (first === next) throw new VerifyError("empty_tipcut", "the proposal finalises no block");
  for (const range of proposal.laneRanges) verifyRange(range, epoch.committee);
}

/**
 * The view belongs to this epoch.
 *
 * @throws {VerifyError} `epoch`, `road_range`.
 */
export function verifyView(view: View, epoch: Epoch): void {
  if (view.epochIndex !== epoch.index) {
    throw new VerifyError("epoch", `epoch ${view.epochIndex}, not ${epoch.index}`);
  }
  if (view.index < epoch.firstRoad || view.index >= epoch.nextRoad) {
    const roads = `[${epoch.firstRoad}, ${epoch.nextRoad})`;
    throw new VerifyError("road_range", `road ${view.index} is not in ${roads}`);
  }
}

function verifyRange(range: LaneRange, committee: Committee): void {
  const { lane, first, next } = range;
  const length = rangeLength(range);
  if (length > RANGE_BLOCKS_MAX) {
    throw new VerifyError("range_too_long", `${length} blocks of lane ${lane}`);
  }
  if (committee.memberOfLane(lane) === undefined) {
    throw new VerifyError("not_a_lane", `lane ${lane} is not in the committee`);
  }
  if (first > next) throw new VerifyError("invalid_range", `[${first}, ${next}) of lane ${lane}`);
  if (first === next && !sameBytes(range.lastHash, ZERO_HASH)) {
    throw new VerifyError("nonzero_hash_on_empty_range", `lane ${lane} at ${first}`);
  }
}

/**
 * The limits that a payload must keep to be made or decoded.
 *
 * @throws {VerifyError} `limit.txs` or `limit.bytes`.
 */
export function verifyPayloadLimits(payload: Payload): void {
  const { txs } = payload;
  if (txs.length > TXS_MAX) throw new VerifyError("limit.txs", `${txs.length} transactions`);
  const total = txs.reduce((sum, tx) => sum + tx.length, 0);
  if (total > TXS_BYTES_MAX) throw new VerifyError("limit.bytes", `${total} bytes together`);
}
