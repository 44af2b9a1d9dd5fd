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
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  /** The way of a small read, or a look, at `nowMs`. */
  at(nowMs: number): WriteWay {
    return nowMs >= this.#pausedUntilMs ? "blocking" : "pool";
  }

  /** A blocking call took `ms` and ended at `nowMs`. */
  note(ms: number, nowMs: number): void {
    if (ms > STALL_MS) this.#pausedUntilMs = nowMs + PAUSE_MS;
  }
}
