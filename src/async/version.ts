/**
 * A version counter that wakes those who wait for a change: no polling, no timers.
 *
 * After a change every waiter looks again, in the order in which they came, and only those whose wait
 * ends are resumed: a thousand waiters cost a thousand looks, not a thousand promises.
 */
import type { PersisterError } from "../types/errors.js";
import { aborted, type WaitOptions } from "./signal.js";

export type { WaitOptions } from "./signal.js";

/** Looks once more; true where the wait is over, one way or the other. */
type Waiter = () => boolean;

export class Version {
  readonly #waiting = new Set<Waiter>();
  #failure: PersisterError | undefined;
  #bumped = false;

  /** Something changed: every waiter looks again, once for all changes of this step. */
  bump(): void {
    if (this.#bumped || this.#waiting.size === 0) return;
    this.#bumped = true;
    queueMicrotask(() => {
      this.#bumped = false;
      for (const waiter of this.#waiting) if (waiter()) this.#waiting.delete(waiter);
    });
  }

  /** Every waiter, now and later, is rejected with `failure`. The first one stays. */
  fail(failure: PersisterError): void {
    this.#failure ??= failure;
    this.bump();
  }

  get failure(): PersisterError | undefined {
    return this.#failure;
  }

  /**
   * Resolves with what `look` returns as soon as that is not `undefined`; looks at once, and again
   * after each change. What `look` throws ends the wait.
   *
   * @throws {PersisterError} ABORTED by the signal; the failure, once there is one.
   */
  async waitFor<T>(look: () => T | undefined, { signal }: WaitOptions = {}): Promise<T> {
    if (signal?.aborted) throw aborted(signal, "the wait");
    const found = look();
    if (found !== undefined) return found;
    if (this.#failure) throw this.#failure;
    return await this.#waitUntil(look, signal);
  }

  #waitUntil<T>(look: () => T | undefined, signal: AbortSignal | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): true => {
        signal?.removeEventListener("abort", abort);
        return true;
      };
      const abort = (): void => {
        this.#waiting.delete(waiter);
        if (signal) reject(aborted(signal, "the wait"));
      };
      const waiter = (): boolean => {
        try {
          const found = look();
          if (found !== undefined) resolve(found);
          else if (this.#failure) reject(this.#failure);
          else return false;
        } catch (cause) {
          reject(cause instanceof Error ? cause : new Error("a look failed", { cause }));
        }
        return end();
      };
      this.#waiting.add(waiter);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}
