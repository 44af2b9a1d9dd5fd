/**
 * The parent's memory of a run: what was sent, byte for byte, and what of it was acknowledged. It is
 * what the child's store is judged by after each kill (`comparison.ts`).
 *
 * Bytes are kept from the acknowledged anchor on: recovery must not return what lies below it.
 */
import { assert, assertNever } from "../../types/assert.js";
import type { LaneId } from "../../types/lane.js";
import type { BuiltAnchor } from "./chain.js";
import type { DurableEvent } from "./messages.js";

/** Numbers sent in order, of a lane or of the road; those in `[first, next)` with their bytes. */
export class SentLog {
  readonly #bytes = new Map<bigint, Uint8Array>();
  #first = 0n;
  #next = 0n;
  #ackedNext = 0n;

  get next(): bigint {
    return this.#next;
  }

  /** All below it was acknowledged. */
  get ackedNext(): bigint {
    return this.#ackedNext;
  }

  /** Notes that `bytes` are about to be sent at `next`. Keeps `bytes`. */
  append(bytes: Uint8Array): void {
    this.#bytes.set(this.#next, bytes);
    this.#next += 1n;
  }

  /** What was sent at `number`, where it is kept. Lends the bytes. */
  at(number: bigint): Uint8Array | undefined {
    return this.#bytes.get(number);
  }

  /** Notes that all below `next` is acknowledged; false where it was never sent. */
  acknowledgeTo(next: bigint): boolean {
    if (next > this.#ackedNext) this.#ackedNext = next;
    return next <= this.#next;
  }

  forgetBelow(first: bigint): void {
    for (; this.#first < first; this.#first++) this.#bytes.delete(this.#first);
  }
}

export class Ledger {
  readonly lanes: ReadonlyMap<LaneId, SentLog>;
  readonly road = new SentLog();
  /** The sent anchors from the acknowledged one on, in rising order of their road indices. */
  readonly #anchors = new Map<bigint, BuiltAnchor>();
  #ackedAnchor: bigint | undefined;
  #newestAnchor: bigint | undefined;

  constructor(lanes: readonly LaneId[]) {
    this.lanes = new Map(lanes.map((lane) => [lane, new SentLog()]));
  }

  lane(lane: LaneId): SentLog {
    const log = this.lanes.get(lane);
    assert(log !== undefined, "the lane is one of the run's");
    return log;
  }

  get ackedAnchor(): bigint | undefined {
    return this.#ackedAnchor;
  }

  get newestAnchor(): bigint | undefined {
    return this.#newestAnchor;
  }

  anchorAt(index: bigint): BuiltAnchor | undefined {
    return this.#anchors.get(index);
  }

  /** Notes that the anchor at `index` is about to be sent. */
  appendAnchor(index: bigint, anchor: BuiltAnchor): void {
    const newest = this.#newestAnchor;
    assert(newest === undefined || index > newest, "anchors are sent in rising order");
    this.#anchors.set(index, anchor);
    this.#newestAnchor = index;
  }

  /** Where `lane` starts under the anchor at `index`; 0 without one. */
  startUnder(index: bigint | undefined, lane: LaneId): bigint {
    return (index === undefined ? undefined : this.#anchors.get(index)?.starts.get(lane)) ?? 0n;
  }

  /** Notes an acknowledgement; false where what it names was never sent. */
  acknowledge(event: DurableEvent): boolean {
    switch (event.kind) {
      case "blockDurable":
        return this.lanes.get(event.lane)?.acknowledgeTo(event.number + 1n) ?? false;
      case "commitQcDurable":
        return this.road.acknowledgeTo(event.index + 1n);
      case "anchorDurable":
        return this.acknowledgeAnchor(event.index);
      default:
        return assertNever(event);
    }
  }

  /** Notes that the anchor at `index` is durable, and forgets what it covers. */
  acknowledgeAnchor(index: bigint): boolean {
    if (this.#ackedAnchor !== undefined && index <= this.#ackedAnchor) return true;
    if (!this.#anchors.has(index)) return false;
    this.#ackedAnchor = index;
    for (const older of this.#anchors.keys()) if (older < index) this.#anchors.delete(older);
    this.road.forgetBelow(index);
    for (const [lane, log] of this.lanes) {
      const start = this.startUnder(index, lane);
      // A durable anchor moves a lane's first, and so its next, to the start or above it.
      log.acknowledgeTo(start);
      log.forgetBelow(start);
    }
    return true;
  }
}
