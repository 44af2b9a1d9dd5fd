/**
 * The prune anchors in memory: the durable one, the one on its way to disk, and the newest one that
 * waits. One at a time is on its way; a newer one takes the place of one that waits.
 */
import type { KnownAnchor } from "../../persist/anchor.js";
import { assert } from "../../types/assert.js";

export class AnchorQueue {
  #durable: KnownAnchor | undefined;
  #writing: KnownAnchor | undefined;
  #waiting: KnownAnchor | undefined;
  #isStalled = false;
  /** When the one that waits, and the one on its way, were admitted. */
  #waitingSinceMs = 0;
  #writingSinceMs = 0;
  /** When the durable one became so, or was recovered. */
  #durableSinceMs = performance.now();

  constructor(durable: KnownAnchor | undefined) {
    this.#durable = durable;
  }

  get durable(): KnownAnchor | undefined {
    return this.#durable;
  }

  /** How long ago the durable one became so, or was recovered. */
  get durableAgeMs(): number {
    return performance.now() - this.#durableSinceMs;
  }

  /** How long ago the one on its way to disk was admitted. */
  get writingAgeMs(): number {
    return performance.now() - this.#writingSinceMs;
  }

  /** The newest one that was admitted. */
  get newest(): KnownAnchor | undefined {
    return this.#waiting ?? this.#writing ?? this.#durable;
  }

  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  /** One may be sent on its way. */
  get isDue(): boolean {
    return this.#waiting !== undefined && !this.#writing && !this.#isStalled;
  }

  /** The disk had no room for the one that waits. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  admit(anchor: KnownAnchor): void {
    const before = this.newest;
    assert(!before || before.roadIndex < anchor.roadIndex, "anchors only move forward (D3)");
    this.#waiting = anchor;
    this.#waitingSinceMs = performance.now();
    this.#isStalled = false;
  }

  /** The one that is to be written now, if one is. */
  take(): KnownAnchor | undefined {
    if (!this.isDue) return undefined;
    this.#writing = this.#waiting;
    this.#writingSinceMs = this.#waitingSinceMs;
    this.#waiting = undefined;
    return this.#writing;
  }

  becameDurable(anchor: KnownAnchor): void {
    assert(this.#writing === anchor, "the anchor that became durable was on its way");
    this.#durable = anchor;
    this.#durableSinceMs = performance.now();
    this.#writing = undefined;
  }

  /** The disk has no room for `anchor`: it waits, unless a newer one does already. */
  stall(anchor: KnownAnchor): void {
    assert(this.#writing === anchor, "the anchor that was refused was on its way");
    this.#writing = undefined;
    if (this.#waiting) return;
    this.#waiting = anchor;
    this.#waitingSinceMs = this.#writingSinceMs;
    this.#isStalled = true;
  }

  /** The disk may have room again. */
  tryAgain(): void {
    this.#isStalled = false;
  }
}
