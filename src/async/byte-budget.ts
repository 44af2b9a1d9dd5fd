/**
 * A bound on the bytes that are on their way to disk at once (D9). Callers that find it used up wait,
 * first come, first served.
 */
import { assert } from "../types/assert.js";
import { aborted, throwIfAborted, whenAborted } from "./signal.js";

interface Waiting {
  readonly bytes: number;
  readonly enter: () => void;
}

export class ByteBudget {
  readonly #bytesMax: number;
  #used = 0;
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes `bytes` at once; takes nothing if somebody waits or they do not fit. */
  tryTake(bytes: number): boolean {
    if (this.#waiting.size > 0 || !this.#fits(bytes)) return false;
    this.#used += bytes;
    return true;
  }

  /**
   * Resolves when `bytes` were taken, behind all who wait already. More bytes than the whole budget
   * are let in when nothing else is on its way.
   *
   * @throws {PersisterError} ABORTED by the signal, and nothing was taken.
   */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    const what = "the wait for room in the journal's queue";
    throwIfAborted(signal, what);
    await new Promise<void>((resolve, reject) => {
      const waiting = {
        bytes,
        enter: () => {
          takeBack?.();
          resolve();
        },
      };
      const takeBack =
        signal &&
        whenAborted(signal, () => {
          this.#waiting.delete(waiting);
          reject(aborted(signal, what));
          // The one that gave up may have been the one that did not fit.
          this.#admit();
        });
      this.#waiting.add(waiting);
      this.#admit();
    });
  }

  /** Bytes that were taken are settled. */
  giveBack(bytes: number): void {
    this.#used -= bytes;
    assert(this.#used >= 0, "bytes are given back once, and were taken before");
    this.#admit();
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#bytesMax;
  }

  #admit(): void {
    for (const next of this.#waiting) {
      if (!this.#fits(next.bytes)) return;
      this.#waiting.delete(next);
      this.#used += next.bytes;
      next.enter();
    }
  }
}
