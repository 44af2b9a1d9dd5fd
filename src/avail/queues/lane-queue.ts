/**
 * One lane in memory: the blocks that are admitted, and how far they are durable.
 *
 *   first ......... durable ......... next
 *     on disk               queued
 *
 * The durable cursor has four homes. `LogTable.next` (journal) runs ahead of the disk: it moves when a
 * group is assembled. The end of a run in `Places` (journal) moves when the group is durable, and
 * `LaneLog.next` (log) right after it. `LaneQueue.durable`, here, is the one that is published: it
 * follows `LaneLog.next`, and an anchor may move it past blocks that were never here.
 */
import type { NewBlock } from "../../persist/block-persister.js";
import { assert } from "../../types/assert.js";
import type { PersisterError } from "../../types/errors.js";
import { LANE_BLOCKS_MAX } from "../../wire/messages.js";
import { Arrivals } from "./arrivals.js";

/** A lane as it is on disk: blocks [first, next), and the header hash of the last one, if known. */
export interface HeldLane {
  readonly first: bigint;
  readonly next: bigint;
  readonly tipHash: Uint8Array | undefined;
}

/** A block of [first, next), as far as it is in memory. */
export interface HeldBlock {
  readonly hash: Uint8Array | undefined;
  /** There while the block waits for the disk; behind that, while the cache keeps it. */
  payload: Uint8Array | undefined;
}

/** A block that was pushed and dropped, since nothing was admitted at its number. */
export interface DroppedBlock {
  readonly number: bigint;
  readonly refusal: PersisterError;
}

export class LaneQueue {
  /** The end of what was on disk when this queue was made. */
  readonly foundNext: bigint;
  #first: bigint;
  #durable: bigint;
  /** Blocks of [first, next), by number. */
  readonly #held: (HeldBlock | undefined)[];
  /** Blocks of [durable, next). */
  readonly #queue: NewBlock[] = [];
  /** When each of them was admitted. */
  readonly arrivals = new Arrivals();
  #queuedBytes = 0;
  /** The header hash of block `first - 1`, where it was held here. */
  #hashBefore: Uint8Array | undefined;
  /** Why this lane goes no further. The other lanes do. */
  refused: PersisterError | undefined;
  dropped: DroppedBlock | undefined;

  constructor({ first, next, tipHash }: HeldLane) {
    assert(first <= next, "a lane's range has its ends in order");
    this.#first = first;
    this.#durable = next;
    this.foundNext = next;
    this.#held = Array.from({ length: Number(next - first) });
    if (tipHash && next > first) this.#held[this.#held.length - 1] = heldBlock(tipHash);
  }

  get first(): bigint {
    return this.#first;
  }

  /** The durable cursor: the first number that is not durable. */
  get durable(): bigint {
    return this.#durable;
  }

  get next(): bigint {
    return this.#first + BigInt(this.#held.length);
  }

  /** Blocks that wait for the disk, in order. */
  get queued(): readonly NewBlock[] {
    return this.#queue;
  }

  /** Bytes of the blocks that wait for the disk. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Blocks wait for the disk, and may go there. */
  get isAwaitingDisk(): boolean {
    return this.#queue.length > 0 && this.refused === undefined;
  }

  /** D9: the first number that is too far above the durable anchor's start. */
  get capacityEnd(): bigint {
    return this.#first + LANE_BLOCKS_MAX;
  }

  /** The block at `number`, as far as it is in memory. */
  heldAt(number: bigint): HeldBlock | undefined {
    return number < this.#first ? undefined : this.#held[Number(number - this.#first)];
  }

  /** As `heldAt`, for a number that is held. */
  heldOrMade(number: bigint): HeldBlock {
    assert(number >= this.#first && number < this.next, "the block is held");
    const at = Number(number - this.#first);
    return (this.#held[at] ??= { hash: undefined, payload: undefined });
  }

  /** The header hash of a held block, if it is known. */
  hashOf(number: bigint): Uint8Array | undefined {
    return this.heldAt(number)?.hash;
  }

  /** The header hash of block `next - 1`, the parent of the next one, where it is or was held here. */
  get tipHash(): Uint8Array | undefined {
    return this.#held.length === 0 ? this.#hashBefore : this.hashOf(this.next - 1n);
  }

  admit(block: NewBlock): void {
    assert(block.number === this.next, "the admitted block is the next one");
    assert(block.number < this.capacityEnd, "the admitted block is within capacity (D9)");
    this.#queue.push(block);
    this.arrivals.add();
    this.#held.push(heldBlock(block.hash, block.payload));
    this.#queuedBytes += block.payload.length;
    this.dropped = undefined;
  }

  /** Moves the durable cursor, only forward. Returns the blocks that it passed. */
  becameDurable(next: bigint): readonly HeldBlock[] {
    assert(next >= this.#durable, "a durable cursor only moves forward");
    assert(next <= this.next, "a durable cursor stays within what was admitted");
    const passed: HeldBlock[] = [];
    for (let number = this.#durable; number < next; number++) {
      const block = this.heldAt(number);
      if (block) passed.push(block);
    }
    this.#passTo(next);
    return passed;
  }

  /**
   * A durable anchor raises the start. Beyond the durable cursor it moves the cursor too, and queued
   * blocks that it passed are let go. Returns the blocks that are held no more.
   */
  prune(start: bigint): readonly HeldBlock[] {
    if (start <= this.#first) return [];
    if (start > this.#durable) this.#passTo(start);
    this.#hashBefore = this.hashOf(start - 1n);
    const gone = this.#held.splice(0, Number(start - this.#first));
    this.#first = start;
    assert(this.next >= this.#durable, "a lane's durable cursor is not above its next");
    if (this.dropped && this.dropped.number < start) this.dropped = undefined;
    return gone.filter((block) => block !== undefined);
  }

  #passTo(cursor: bigint): void {
    const passed = this.#queue.splice(0, Number(cursor - this.#durable));
    for (const { payload } of passed) this.#queuedBytes -= payload.length;
    this.arrivals.leave(passed.length);
    assert(this.#queuedBytes >= 0, "bytes that leave the queue were counted in it");
    this.#durable = cursor;
  }
}

function heldBlock(hash: Uint8Array, payload?: Uint8Array): HeldBlock {
  return { hash, payload };
}
