/**
 * The part of an import's records that the store will hold.
 *
 * sei-chain prunes lanes in whole files, up to the end of the anchor's range. So the first block that
 * is left of a lane may be any in that range, and a lane without a block continues at its end. A lane
 * starts at the same number here. Lower, it would wait for blocks that nobody keeps, and its owner
 * would sign numbers again.
 */
import type { Range } from "../../../node/start.js";
import type { LaneId } from "../../../types/lane.js";
import { max } from "../../../types/numbers.js";
import { LANE_BLOCKS_MAX, type PruneAnchor } from "../../../wire/messages.js";
import type { ImportTally } from "./tally.js";

export interface Held {
  /** Every lane that has blocks or a start. */
  readonly lanes: ReadonlyMap<LaneId, Range>;
  /** With the anchor's commit QC, which the store keeps at its own road index (D3). */
  readonly road: Range;
  /** Verified blocks that a lane has no room for; the anchor's quorum has executed them. */
  readonly surplus: bigint;
}

export function heldAfter(tally: ImportTally, anchor: PruneAnchor | undefined): Held {
  const lanes = new Map<LaneId, Range>();
  for (const { lane, next } of anchor?.commitQC.vote.laneRanges ?? []) {
    lanes.set(lane, { first: next, next });
  }
  let surplus = 0n;
  for (const [lane, range] of tally.lanes) {
    // D9. Blocks reach at most this far above the range's end: the first that stays lies in the range.
    const first = max(range.first, range.next - LANE_BLOCKS_MAX);
    surplus += first - range.first;
    lanes.set(lane, { first, next: range.next });
  }
  const index = anchor?.commitQC.vote.view.index;
  const first = index ?? tally.road?.first ?? 0n;
  const next = tally.road?.next ?? (index === undefined ? first : index + 1n);
  return { lanes, road: { first, next }, surplus };
}
