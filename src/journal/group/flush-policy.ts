/**
 * Chooses how a group is written: by a blocking call, or through the thread pool. A blocking call saves
 * two hops between threads, which is much if a durable write is fast. On a slow disk it would hold the
 * event loop, so it is used only while writes were measured to be fast:
 *
 * 1. The first writes go through the pool. The running minimum of their times is kept.
 * 2. While the minimum is below 0.2 ms, groups of at most 128 KiB are written by a blocking call.
 * 3. One write that takes more than 5 ms sends all writes of the next second through the pool.
 */
import type { WriteWay } from "../../disk/disk.js";

/** A larger group would hold the event loop for its copying alone. */
const BLOCKING_BYTES_MAX = 128 * 1024;
/** How fast a durable write must be. */
const FAST_MS = 0.2;
/** A write that took longer is a stall: another one may follow. */
const STALL_MS = 5;
/** How long nothing blocks behind a stall. */
const PAUSE_MS = 1000;
/** The minimum rises by so much with each write, so that a disk that has become slow is noticed. */
const MINIMUM_GROWTH = 1.02;

/** `auto` decides by measurement; `async` never blocks. */
export type Flush = "auto" | "async";

export class FlushPolicy {
  readonly #flush: Flush;
  #minimumMs = Number.POSITIVE_INFINITY;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(flush: Flush) {
    this.#flush = flush;
  }

  /** The way of a group of `bytes` that is to be written at `nowMs`. */
  of(bytes: number, nowMs: number): WriteWay {
    if (this.#flush === "async" || bytes > BLOCKING_BYTES_MAX) return "pool";
    return this.#minimumMs < FAST_MS && nowMs >= this.#pausedUntilMs ? "blocking" : "pool";
  }

  /** A durable write of `bytes` took `ms` and ended at `nowMs`. */
  note(bytes: number, ms: number, nowMs: number): void {
    if (ms > STALL_MS) this.#pausedUntilMs = nowMs + PAUSE_MS;
    // The clock is too coarse to tell: it would be the minimum for ever.
    if (ms <= 0 || bytes > BLOCKING_BYTES_MAX) return;
    this.#minimumMs = Math.min(ms, this.#minimumMs * MINIMUM_GROWTH);
  }
}
