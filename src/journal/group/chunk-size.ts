/**
 * How large the chunks of a group are: large enough that the flush which each of them pays is a small
 * part of its time, small enough that several are on their way at once. Both follow what was measured.
 */

/** No chunk is smaller. */
const CHUNK_BYTES_MIN = 512 * 1024;
/** More chunks cost more flushes than they save: two up to this size, four beyond it. */
const TWO_CHUNKS_BYTES_MAX = 2 * 1024 * 1024;
/** A chunk's write takes at least so many times as long as a flush with next to nothing in it. */
const FLUSHES_PER_CHUNK = 3;
const SMALL_BYTES = 64 * 1024;
/** Weight of the newest measurement. */
const NEWEST = 0.1;
/** A flush that waited for something else says nothing: only many slow ones are believed. */
const FLUSH_GROWTH = 1.05;

export class ChunkSize {
  /** Milliseconds of a write with next to nothing in it; bytes per millisecond of a large one. */
  #flushMs = 0;
  #rate = 0;

  /** A durable write of `bytes` took `ms`. */
  note(bytes: number, ms: number): void {
    // The clock is too coarse for it: a rate of it would be endless, and stay so.
    if (ms <= 0) return;
    if (bytes <= SMALL_BYTES) {
      this.#flushMs = this.#flushMs === 0 ? ms : Math.min(ms, this.#flushMs * FLUSH_GROWTH);
    } else if (bytes >= CHUNK_BYTES_MIN) {
      const rate = bytes / ms;
      this.#rate = this.#rate === 0 ? rate : this.#rate + NEWEST * (rate - this.#rate);
    }
  }

  /** Chunks of a group of `bytes`, all of about the same size. */
  of(bytes: number): number {
    const worthIts = Math.max(CHUNK_BYTES_MIN, FLUSHES_PER_CHUNK * this.#flushMs * this.#rate);
    const most = bytes <= TWO_CHUNKS_BYTES_MAX ? 2 : 4;
    const count = Math.min(most, Math.ceil(bytes / worthIts));
    return Math.ceil(bytes / Math.max(1, count));
  }
}
