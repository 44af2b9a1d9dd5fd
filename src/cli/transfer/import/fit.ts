/**
 * What a store takes of that which verifies. The original lets a lane start anywhere in the anchor's
 * range of it, holds 30 blocks above the end of that range, and keeps lanes of earlier epochs; a store
 * starts a lane at the first of its range, admits 30 blocks above that (D9), and none of a lane that is
 * outside the newest epoch's committee. A block beyond these rules is refused here, before a store is
 * made: the store would refuse it, or wait for room that never comes.
 */
import { LANE_BLOCKS_MAX } from "../../../persist/kinds.js";
import type { ImportItem } from "../../../sei/import/import.js";
import type { VerifiedBlock } from "../../../sei/import/lane-check.js";
import type { ImportRefusalReason } from "../../../sei/import/import-refusal.js";
import type { LaneId } from "../../../types/lane.js";
import type { Committee, EpochOf } from "../../../wire/committee.js";
import type { PruneAnchor } from "../../../wire/messages.js";

export interface StoreTerms {
  readonly epochOf: EpochOf;
  readonly anchor: PruneAnchor | undefined;
}

/** What a rule asks of a block: where its lane starts in a store, and how far it got. */
interface BlockCase {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly start: bigint;
  readonly next: bigint;
  readonly refused: bigint | undefined;
  /** Of the newest commit QC's epoch. */
  readonly committee: Committee | undefined;
}

/** Of several broken rules the first counts. */
const rules: readonly {
  readonly reason: ImportRefusalReason;
  readonly broken: (facts: BlockCase) => string | undefined;
}[] = [
  {
    reason: "after_refused",
    broken: ({ refused }) => (refused === undefined ? undefined : `block ${refused} was refused`),
  },
  {
    reason: "not_a_lane",
    broken: ({ committee, lane }) =>
      committee?.memberOfLane(lane) === undefined
        ? "its lane is not in the committee of the newest epoch on the road"
        : undefined,
  },
  {
    reason: "lane_gap",
    broken: ({ number, start, next }) =>
      number > next
        ? `a store starts this lane at ${start}, and block ${next} is missing`
        : undefined,
  },
  {
    reason: "over_capacity",
    broken: ({ number, start }) =>
      number >= start + LANE_BLOCKS_MAX
        ? `a store holds at most ${LANE_BLOCKS_MAX} blocks of a lane from ${start} on`
        : undefined,
  },
];

/** `items` with a refusal in the place of each block that a store would not take. */
export async function* fitting(
  items: AsyncIterable<ImportItem>,
  { epochOf, anchor }: StoreTerms,
): AsyncGenerator<ImportItem, void, void> {
  let epochIndex = anchor?.commitQC.vote.view.epochIndex ?? 0n;
  const lanes = new Map<LaneId, LaneFit>();
  for await (const item of items) {
    if (item.kind === "commitQC") epochIndex = item.qc.vote.view.epochIndex;
    if (item.kind === "block") {
      const fit = lanes.get(item.lane) ?? new LaneFit(startOf(item.lane, anchor));
      lanes.set(item.lane, fit);
      yield fit.check(item, epochOf(epochIndex)?.committee);
    } else if (item.kind === "log") {
      const { summary } = item;
      const refused = summary.lane === undefined ? 0 : (lanes.get(summary.lane)?.refused ?? 0);
      const counts = { taken: summary.taken - refused, refused: summary.refused + refused };
      yield { kind: "log", summary: { ...summary, ...counts } };
    } else {
      yield item;
    }
  }
}

/** D3: an anchor starts a lane at the first of its range; a lane that it is silent about is at 0. */
function startOf(lane: LaneId, anchor: PruneAnchor | undefined): bigint {
  const ranges = anchor?.commitQC.vote.laneRanges ?? [];
  return ranges.find((range) => range.lane === lane)?.first ?? 0n;
}

class LaneFit {
  readonly #start: bigint;
  #next: bigint;
  #firstRefused: bigint | undefined;
  /** Blocks that verified and were refused here. */
  refused = 0;

  constructor(start: bigint) {
    this.#start = start;
    this.#next = start;
  }

  check(item: VerifiedBlock, committee: Committee | undefined): ImportItem {
    const { lane, number } = item;
    const facts = { lane, number, start: this.#start, next: this.#next, committee };
    for (const { reason, broken } of rules) {
      const detail = broken({ ...facts, refused: this.#firstRefused });
      if (detail === undefined) continue;
      this.#firstRefused ??= number;
      this.refused += 1;
      const nowhere = { file: undefined, offset: undefined, cause: undefined };
      return {
        kind: "refused",
        refusal: { reason, detail, lane, number, index: number, ...nowhere },
      };
    }
    this.#next = number + 1n;
    return item;
  }
}
