/**
 * The way on which a few bytes are read back: by a blocking call, or through the thread pool. Records that were
 * written a moment ago lie in the page cache: a blocking read of them takes a few microseconds, less than a
 * hop to a thread. One that stalls had to wait for a slow disk; the next ones then go through the pool.
 */
import type { WriteWay } from "../../disk/disk.js";

/** A read that took longer is a stall, as for writes: another one may follow. */
const STALL_MS = 5;
/** How long nothing blocks behind a stall. */
const PAUSE_MS = 1000;

export class ReadWay {
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  /** The way of a small read at `nowMs`. */
  at(nowMs: number): WriteWay {
    return nowMs >= this.#pausedUntilMs ? "blocking" : "pool";
  }

  /** A blocking read took `ms` and ended at `nowMs`. */
  note(ms: number, nowMs: number): void {
    if (ms > STALL_MS) this.#pausedUntilMs = nowMs + PAUSE_MS;
  }
}
