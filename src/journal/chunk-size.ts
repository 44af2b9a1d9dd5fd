/**
 * How large the chunks of a group are: large enough that the flush which each of them pays is a small
 * part of its time, small enough that several are on their way at once. Both follow what was measured.
 */

/** Below this a group is one chunk, and no chunk is smaller. */
const CHUNK_BYTES_MIN = 512 * 1024;
const CHUNKS_MAX = 16;
/** A chunk's write takes at least so many times as long as a flush with next to nothing in it. */
const FLUSHES_PER_CHUNK = 5;
const SMALL_BYTES = 64 * 1024;
/** Weight of the newest measurement. */
const NEWEST = 0.1;

export class ChunkSize {
  /** Milliseconds of a write with next to nothing in it; bytes per millisecond of a large one. */
  #flushMs = 0;
  #rate = 0;

  /** A durable write of `bytes` took `ms`. */
  note(bytes: number, ms: number): void {
    if (bytes <= SMALL_BYTES) this.#flushMs = mixed(this.#flushMs, ms);
    else if (bytes >= CHUNK_BYTES_MIN) this.#rate = mixed(this.#rate, bytes / ms);
  }

  /** Chunks of a group of `bytes`. */
  of(bytes: number): number {
    const worthIts = FLUSHES_PER_CHUNK * this.#flushMs * this.#rate;
    return Math.max(CHUNK_BYTES_MIN, worthIts, bytes / CHUNKS_MAX);
  }
}

function mixed(old: number, newest: number): number {
  return old === 0 ? newest : old + NEWEST * (newest - old);
}
