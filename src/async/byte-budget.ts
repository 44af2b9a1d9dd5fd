/**
 * How many bytes may be on their way to disk at once (D9): whoever comes when it is used up waits,
 * first come, first served.
 */
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";

interface Waiting {
  readonly bytes: number;
  readonly enter: () => void;
}

export class ByteBudget {
  readonly #bytesMax: number;
  #used = 0;
  #waiting: Waiting[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes `bytes` at once, or nothing where somebody waits or they do not fit. */
  tryTake(bytes: number): boolean {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) return false;
    this.#used += bytes;
    return true;
  }

  /**
   * Resolves when `bytes` were taken, behind all who wait already. More than the whole budget go when
   * nothing else is on its way.
   *
   * @throws {PersisterError} ABORTED by the signal, and nothing was taken.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(aborted(signal));
        return;
      }
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((each) => each !== waiting);
        if (signal) reject(aborted(signal));
        // It may have been the one that did not fit.
        this.#admit();
      };
      const waiting = {
        bytes,
        enter: () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(waiting);
      this.#admit();
    });
  }

  /** Bytes that were taken are settled. */
  giveBack(bytes: number): void {
    this.#used -= bytes;
    assert(this.#used >= 0, "what is given back was taken");
    this.#admit();
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#bytesMax;
  }

  #admit(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (!next || !this.#fits(next.bytes)) return;
      this.#waiting.shift();
      this.#used += next.bytes;
      next.enter();
    }
  }
}

function aborted(signal: AbortSignal): PersisterError {
  return new PersisterError("ABORTED", "the wait for room in the journal's queue was aborted", {
    cause: signal.reason,
  });
}
