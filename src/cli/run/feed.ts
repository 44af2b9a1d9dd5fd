/**
 * What to send next in one life of the child. A synchronous decision over the ledger: the newest
 * anchor that may be sent, else the next commit QC, else a block of the lane that is furthest behind.
 *
 * Bounds: `windowBlocks` blocks of a lane and `WINDOW_QCS` commit QCs unacknowledged, one anchor, and
 * no block at or above the acknowledged anchor's lane start plus `CAPACITY_BLOCKS`.
 */
import { assert } from "../../types/assert.js";
import type { LaneId } from "../../types/lane.js";
import { type Chain, RANGE_BLOCKS } from "./chain.js";
import type { Comparison } from "./comparison.js";
import type { Ledger } from "./ledger.js";
import type { BlockCommand, RoadCommand } from "./messages.js";

/** A store admits blocks only up to here above the durable anchor's lane start. */
export const CAPACITY_BLOCKS = 30n;
const WINDOW_QCS = 4n;
/** Roads between the newest acknowledged commit QC and the anchor: execution follows agreement. */
const ANCHOR_LAG = 2n;
assert(
  (ANCHOR_LAG + 2n) * BigInt(RANGE_BLOCKS) <= CAPACITY_BLOCKS,
  "the roads up to the next anchor fit into the capacity of a lane",
);

export type FeedCommand = BlockCommand | RoadCommand;

export class Feed {
  readonly #chain: Chain;
  readonly #ledger: Ledger;
  readonly #windowBlocks: bigint;
  /** What this life of the child was not sent yet starts here. */
  readonly #laneNext = new Map<LaneId, bigint>();
  #roadNext: bigint;
  #anchor: bigint | undefined;

  /** Goes on where `recovered` ends; its acknowledgements are in the ledger. */
  constructor(chain: Chain, ledger: Ledger, recovered: Comparison, windowBlocks: number) {
    this.#chain = chain;
    this.#ledger = ledger;
    this.#windowBlocks = BigInt(windowBlocks);
    for (const lane of chain.lanes) this.#laneNext.set(lane, recovered.laneNext(lane));
    this.#roadNext = recovered.roadNext;
    this.#anchor = ledger.ackedAnchor;
  }

  /** The next command to send, or undefined where an acknowledgement must come first. */
  next(): FeedCommand | undefined {
    return this.#nextAnchor() ?? this.#nextCommitQC() ?? this.#nextBlock();
  }

  #nextAnchor(): RoadCommand | undefined {
    const { ackedAnchor, newestAnchor, road } = this.#ledger;
    if (this.#anchor !== ackedAnchor) return undefined;
    const reach = road.ackedNext - 1n - ANCHOR_LAG;
    // An anchor that a kill may have lost is sent again before a newer one is made.
    const isLost = newestAnchor !== undefined && newestAnchor > (ackedAnchor ?? -1n);
    const index = isLost ? newestAnchor : reach;
    if (index < 0n || index <= (ackedAnchor ?? -1n)) return undefined;
    if (!isLost) this.#ledger.appendAnchor(index, this.#chain.anchorAt(index));
    const anchor = this.#ledger.anchorAt(index);
    assert(anchor !== undefined, "an anchor above the acknowledged one is kept");
    this.#anchor = index;
    return { kind: "anchor", index, bytes: anchor.bytes };
  }

  #nextCommitQC(): RoadCommand | undefined {
    const { road } = this.#ledger;
    const index = this.#roadNext;
    if (index >= road.ackedNext + WINDOW_QCS) return undefined;
    if (index === road.next) {
      if (!this.#chain.hasNextCommitQC) return undefined;
      road.append(this.#chain.nextCommitQC());
    }
    const bytes = road.at(index);
    assert(bytes !== undefined, "a commit QC above the acknowledged anchor is kept");
    this.#roadNext += 1n;
    return { kind: "commitQc", index, bytes };
  }

  #nextBlock(): BlockCommand | undefined {
    let found: LaneId | undefined;
    let foundRoom = 0n;
    for (const lane of this.#chain.lanes) {
      const room = this.#roomOf(lane);
      if (room <= foundRoom) continue;
      found = lane;
      foundRoom = room;
    }
    if (found === undefined) return undefined;
    const number = this.#nextOf(found);
    const sent = this.#ledger.lane(found);
    if (number === sent.next) sent.append(this.#chain.nextBlock(found));
    const bytes = sent.at(number);
    assert(bytes !== undefined, "a block above the acknowledged anchor is kept");
    this.#laneNext.set(found, number + 1n);
    return { kind: "block", lane: found, number, bytes };
  }

  /** How many blocks of `lane` may be sent now. */
  #roomOf(lane: LaneId): bigint {
    const next = this.#nextOf(lane);
    const { ackedAnchor } = this.#ledger;
    const capacity = this.#ledger.startUnder(ackedAnchor, lane) + CAPACITY_BLOCKS - next;
    const window = this.#ledger.lane(lane).ackedNext + this.#windowBlocks - next;
    return capacity < window ? capacity : window;
  }

  #nextOf(lane: LaneId): bigint {
    const next = this.#laneNext.get(lane);
    assert(next !== undefined, "the lane is one of the run's");
    // An anchor that became durable before the blocks below it did moves the lane past them.
    const start = this.#ledger.startUnder(this.#ledger.ackedAnchor, lane);
    return next > start ? next : start;
  }
}
