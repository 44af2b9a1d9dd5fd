/**
 * One lane in memory: what is admitted and on its way to disk, and how far it is durable.
 *
 *   first ......... durable ......... next
 *     on disk, hashes here   queued, bytes here
 */
import type { NewBlock } from "../persist/block-persister.js";
import { LANE_BLOCKS_MAX } from "../wire/messages.js";
import { assert } from "../types/assert.js";
import type { PersisterError } from "../types/errors.js";

/** What is on disk of a lane: blocks [first, next), and the header hash of the last one, if known. */
export interface HeldLane {
  readonly first: bigint;
  readonly next: bigint;
  readonly tipHash: Uint8Array | undefined;
}

export class LaneQueue {
  /** Below it the lane was found on disk when the queue was made. */
  readonly foundNext: bigint;
  #first: bigint;
  #durable: bigint;
  /** Blocks of [durable, next). */
  readonly #queue: NewBlock[] = [];
  /** Header hashes of [first, next), where known. */
  readonly #hashes = new Map<bigint, Uint8Array>();
  /** Why this lane goes no further; the others do. */
  refused: PersisterError | undefined;

  constructor({ first, next, tipHash }: HeldLane) {
    this.#first = first;
    this.#durable = next;
    this.foundNext = next;
    if (tipHash && next > first) this.#hashes.set(next - 1n, tipHash);
  }

  get first(): bigint {
    return this.#first;
  }

  /** The durable cursor: the first number that is not durable. */
  get durable(): bigint {
    return this.#durable;
  }

  get next(): bigint {
    return this.#durable + BigInt(this.#queue.length);
  }

  /** Blocks that wait for the disk, in order. */
  get queued(): readonly NewBlock[] {
    return this.#queue;
  }

  /** Something of it waits for the disk, and may go there. */
  get isAwaitingDisk(): boolean {
    return this.#queue.length > 0 && this.refused === undefined;
  }

  /** D9: the first number that is too far above the durable anchor's start. */
  get capacityEnd(): bigint {
    return this.#first + LANE_BLOCKS_MAX;
  }

  /** The header hash of a held block, where it is known. */
  hashOf(number: bigint): Uint8Array | undefined {
    return this.#hashes.get(number);
  }

  queuedBytes(number: bigint): Uint8Array | undefined {
    return this.#queue[Number(number - this.#durable)]?.bytes;
  }

  admit(block: NewBlock): void {
    assert(block.number === this.next, "the admitted block is the next one");
    assert(block.number < this.capacityEnd, "the admitted block is within capacity (D9)");
    this.#queue.push(block);
    this.#hashes.set(block.number, block.headerHash);
  }

  /** Moves the durable cursor, only forward; returns the blocks that it passed, and lets them go. */
  becameDurable(next: bigint): readonly NewBlock[] {
    assert(next >= this.#durable, "a durable cursor only moves forward");
    return this.#passTo(next);
  }

  /**
   * A durable anchor raises the start; past the durable cursor it moves the cursor too, and the queued
   * blocks that it passed are let go and returned.
   */
  prune(start: bigint): readonly NewBlock[] {
    if (start <= this.#first) return [];
    const passed = start > this.#durable ? this.#passTo(start) : [];
    this.#first = start;
    for (const number of this.#hashes.keys()) if (number < start) this.#hashes.delete(number);
    return passed;
  }

  #passTo(cursor: bigint): readonly NewBlock[] {
    const passed = this.#queue.splice(0, Number(cursor - this.#durable));
    this.#durable = cursor;
    return passed;
  }
}
