/**
 * A version counter that wakes those who wait for a change: no polling, no timers.
 */
import { PersisterError } from "../types/errors.js";

export interface WaitOptions {
  /** Ends the wait with ABORTED. */
  readonly signal?: AbortSignal;
}

export class Version {
  readonly #waiting = new Set<() => void>();
  #failure: PersisterError | undefined;
  #bumped = false;

  /** Something changed: every waiter looks again, once for all changes of this step. */
  bump(): void {
    if (this.#bumped) return;
    this.#bumped = true;
    queueMicrotask(() => {
      this.#bumped = false;
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const wake of waiting) wake();
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
    for (;;) {
      if (signal?.aborted) throw aborted(signal);
      const found = look();
      if (found !== undefined) return found;
      if (this.#failure) throw this.#failure;
      await this.#change(signal);
    }
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }
}

function aborted(signal: AbortSignal): PersisterError {
  return new PersisterError("ABORTED", "the wait was aborted", { cause: signal.reason });
}
