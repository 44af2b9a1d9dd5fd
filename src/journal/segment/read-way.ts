/**
 * The way on which a few bytes are read back, or names are looked at: by a blocking call, or through the thread
 * pool. Records that were written a moment ago, and the names of open files, lie in memory: a blocking call takes
 * a few microseconds, less than a hop to a thread. One that stalls had to wait for a slow disk; the next ones then
 * go through the pool.
 */
import type { WriteWay } from "../../disk/disk.js";

/** A call that took longer is a stall, as for writes: another one may follow. */
const STALL_MS = 5;
/** How long nothing blocks behind a stall. */
const PAUSE_MS = 1000;

export class ReadWay {
  readonly #stallMs: number;
  readonly #pauseMs: number;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  /** A call that takes longer than `stallMs` is a stall; nothing blocks for `pauseMs` behind it. */
  constructor(stallMs = STALL_MS, pauseMs = PAUSE_MS) {
    this.#stallMs = stallMs;
    this.#pauseMs = pauseMs;
  }

  /** The way of a small read, or a look, at `nowMs`. */
  at(nowMs: number): WriteWay {
    return nowMs >= this.#pausedUntilMs ? "blocking" : "pool";
  }

  /** A blocking call took `ms` and ended at `nowMs`. */
  note(ms: number, nowMs: number): void {
    if (ms > this.#stallMs) this.#pausedUntilMs = nowMs + this.#pauseMs;
  }
}
