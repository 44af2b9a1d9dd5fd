/**
 * How fast durable writes are here, as measured by those of late: of the journal's groups, and of the mark.
 * A single slow write says little, since it may have waited for something else; the fastest of several says
 * how long a flush takes.
 */

/** A write of so few bytes takes as long as its flush. */
const SMALL_BYTES = 128 * 1024;
/** A write of so many bytes tells how many go to the disk in a millisecond. */
const LARGE_BYTES = 512 * 1024;
/** The fastest of this many small writes counts, and of as many before them. */
const WINDOW = 32;
/** Weight of the newest measurement of a rate. */
const NEWEST = 0.1;

export class DiskSpeed {
  /** The fastest small write since the window began, and in the window before it. */
  #fastest = { now: Number.POSITIVE_INFINITY, before: Number.POSITIVE_INFINITY };
  /** Small writes since the window began. */
  #seen = 0;
  #bytesPerMs = 0;

  /** Milliseconds of a write with next to nothing in it; endless before one was measured. */
  get flushMs(): number {
    return Math.min(this.#fastest.now, this.#fastest.before);
  }

  /** Bytes of large writes per millisecond; 0 before one was measured. */
  get bytesPerMs(): number {
    return this.#bytesPerMs;
  }

  /** A durable write of `bytes` took `ms`. */
  note(bytes: number, ms: number): void {
    // The clock is too coarse to tell: it would be the fastest of all, or a rate without end.
    if (ms <= 0) return;
    if (bytes <= SMALL_BYTES) this.#noteSmall(ms);
    else if (bytes >= LARGE_BYTES) this.#noteRate(bytes / ms);
  }

  #noteSmall(ms: number): void {
    if (this.#seen === WINDOW) {
      this.#fastest = { now: Number.POSITIVE_INFINITY, before: this.#fastest.now };
      this.#seen = 0;
    }
    this.#seen += 1;
    this.#fastest.now = Math.min(this.#fastest.now, ms);
  }

  #noteRate(rate: number): void {
    const known = this.#bytesPerMs;
    this.#bytesPerMs = known === 0 ? rate : known + NEWEST * (rate - known);
  }
}
