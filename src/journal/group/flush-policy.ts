/**
 * The way in which a group is written: by a blocking call, or through the thread pool. A blocking call saves
 * two hops between threads, which is much where a durable write is fast. On a slow disk it would hold the
 * event loop, so it is used only while writes were measured to be fast:
 *
 * 1. The first writes go through the pool, and their times are measured.
 * 2. While the fastest of late took less than 0.2 ms, groups of at most 128 KiB are written by a blocking call, and
 *    so is the last chunk of the largest groups.
 * 3. A call that has held the event loop for more than 5 ms sends all writes of the next second through the pool.
 *
 * A write through the pool is no stall, however long it takes: it holds nothing. It may be of a large group, and its
 * end is told when the event loop comes to it, which other work may have held.
 */
import type { WriteWay } from "../../disk/disk.js";
import type { Flush, FlushStatus, WayOf } from "../../disk/surroundings.js";
import { DiskSpeed } from "./disk-speed.js";

/** A larger group would hold the event loop for its copying alone. */
const BLOCKING_BYTES_MAX = 128 * 1024;
/**
 * The last of so many chunks is written by a blocking call, which holds the event loop no longer than the checksums
 * of the group did before it: the threads of the pool have the other chunks, a head and a mark to write.
 */
const BLOCKING_CHUNK = 4;
/** How fast a durable write must be. */
const FAST_MS = 0.2;
/** A call that took longer is a stall: another one may follow. */
const STALL_MS = 5;
/** How long nothing blocks behind a stall. */
const PAUSE_MS = 1000;

export class FlushPolicy {
  readonly speed = new DiskSpeed();
  readonly #flush: Flush | WayOf;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #blockingGroups = 0;
  #longestHoldMs = 0;

  constructor(flush: Flush | WayOf) {
    this.#flush = flush;
  }

  status(nowMs: number): FlushStatus {
    const way = this.of(0, nowMs);
    return { way, blockingGroups: this.#blockingGroups, longestHoldMs: this.#longestHoldMs };
  }

  /** The way of a group of `bytes` that is to be written at `nowMs`. */
  of(bytes: number, nowMs: number): WriteWay {
    if (typeof this.#flush === "function") return this.#flush(bytes);
    if (this.#flush === "async" || bytes > BLOCKING_BYTES_MAX) return "pool";
    return this.#isFast(nowMs) ? "blocking" : "pool";
  }

  /** The way of the last of `count` chunks; the others are on their way already. */
  ofLast(count: number, nowMs: number): WriteWay {
    const isWorthIt = this.#flush === "auto" && count >= BLOCKING_CHUNK;
    return isWorthIt && this.#isFast(nowMs) ? "blocking" : "pool";
  }

  #isFast(nowMs: number): boolean {
    return this.speed.flushMs < FAST_MS && nowMs >= this.#pausedUntilMs;
  }

  /** A blocking call has held the event loop for `ms`, until `nowMs`. */
  held(ms: number, nowMs: number): void {
    if (ms > STALL_MS) this.#pausedUntilMs = nowMs + PAUSE_MS;
    this.#blockingGroups += 1;
    this.#longestHoldMs = Math.max(this.#longestHoldMs, ms);
  }
}
