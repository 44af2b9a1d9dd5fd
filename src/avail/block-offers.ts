/**
 * What one subscriber is still to be offered for voting: blocks that became durable since it came,
 * each once, those of a lane in order (S9).
 */
import type { LaneId } from "../types/lane.js";
import type { LaneQueue } from "./lane-queue.js";

/** A block that is durable and may be voted for. */
export interface DurableBlock {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly headerHash: Uint8Array;
}

export class BlockOffers {
  /** By queue and not by lane: a lane that was dropped and comes back is another one. */
  readonly #cursors = new WeakMap<LaneQueue, bigint>();

  /** Nothing is offered that is durable in `queues` now. */
  constructor(queues: Iterable<LaneQueue>) {
    for (const queue of queues) this.#cursors.set(queue, queue.durable);
  }

  /** The next block, which then counts as offered; `undefined` where there is none now. */
  next(
    lanes: ReadonlyMap<LaneId, LaneQueue>,
    isLeaving: (lane: LaneId) => boolean,
  ): DurableBlock | undefined {
    for (const [lane, queue] of lanes) {
      const cursor = this.#cursors.get(queue) ?? queue.foundNext;
      const number = cursor > queue.first ? cursor : queue.first;
      if (number >= queue.durable || isLeaving(lane)) continue;
      const headerHash = queue.hashOf(number);
      if (!headerHash) continue;
      this.#cursors.set(queue, number + 1n);
      return { lane, number, headerHash };
    }
    return undefined;
  }
}
