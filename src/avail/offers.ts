/**
 * The offers of one subscriber: blocks for voting, or commit QCs, as they become durable, each once,
 * those of a lane in order.
 */
import type { WaitOptions } from "../async/signal.js";
import { hasCode } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import type { Inner } from "./inner.js";
import type { LaneQueue } from "./queues/lane-queue.js";

/** A block that is durable and may be voted for. */
export interface DurableBlock {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly headerHash: Uint8Array;
}

/** A commit QC that is durable: consensus may advance past it. */
export interface DurableCommitQC {
  readonly roadIndex: bigint;
  /** The encoded QC, as it was received. */
  readonly bytes: Uint8Array;
}

/** The place of a block to be offered; its header hash, if that is in memory. */
export interface BlockOffer {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly headerHash: Uint8Array | undefined;
}

/** The first number that a subscriber wants of each lane. */
export type FromNumbers = ReadonlyMap<LaneId, bigint>;

/** The options of a subscription: where it begins, and its signal. */
export interface From<Place> extends WaitOptions {
  readonly from?: Place | undefined;
}

export class BlockOffers {
  /** By queue and not by lane: a lane that was dropped and comes back is another one. */
  readonly #cursors = new WeakMap<LaneQueue, bigint>();

  /** Begins at `from`; in a lane that is not in it, at the durable cursor of now. */
  constructor({ lanes }: Inner, from: FromNumbers) {
    for (const [lane, queue] of lanes) this.#cursors.set(queue, from.get(lane) ?? queue.durable);
  }

  /** The next block, which then counts as offered; `undefined` if there is none now. */
  next(inner: Inner): BlockOffer | undefined {
    for (const [lane, queue] of inner.lanes) {
      const cursor = this.#cursors.get(queue) ?? queue.foundNext;
      const number = cursor > queue.first ? cursor : queue.first;
      if (number >= queue.durable || inner.isLeaving(lane)) continue;
      this.#cursors.set(queue, number + 1n);
      return { lane, number, headerHash: queue.hashOf(number) };
    }
    return undefined;
  }
}

export class CommitQCOffers {
  #cursor: bigint;

  /** Begins at `from`, or at the durable cursor of now. */
  constructor({ road }: Inner, from: bigint | undefined) {
    this.#cursor = from ?? road.durable;
  }

  /** The index of the next commit QC, which then counts as offered; `undefined` if there is none now. */
  next({ road }: Inner): bigint | undefined {
    const index = this.#cursor > road.first ? this.#cursor : road.first;
    if (index >= road.durable) return undefined;
    this.#cursor = index + 1n;
    return index;
  }
}

/** `undefined` if the record is not held any more. */
export async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (cause) {
    if (hasCode(cause, "OUT_OF_SEQUENCE")) return undefined;
    throw cause;
  }
}
