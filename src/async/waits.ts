/**
 * Waits for changes, each under a topic (a lane, the road): no polling, no timers.
 *
 * A change wakes those who wait under its topic. They look again in the order in which they came, once
 * for all changes of one step, and only those whose wait ends are resumed: a thousand waiters cost a
 * thousand looks, not a thousand promises.
 */
import type { PersisterError } from "../types/errors.js";
import { aborted, throwIfAborted, type WaitOptions, whenAborted } from "./signal.js";

/** Looks once more; true if the wait is over, one way or the other. */
type Waiter = () => boolean;

/** A wait that has not ended at its first look. */
interface Wait<Topic, T> extends WaitOptions {
  readonly topics: readonly Topic[];
  readonly look: () => T | undefined;
}

export class Waits<Topic> {
  readonly #waiting = new Map<Topic, Set<Waiter>>();
  /** Topics that were woken in this step. */
  readonly #woken = new Set<Topic>();
  #failure: PersisterError | undefined;

  /** Those who wait under `topic` look again, once for all changes of this step. */
  wake(topic: Topic): void {
    if (!this.#waiting.has(topic)) return;
    if (this.#woken.size === 0) queueMicrotask(() => this.#lookAgain());
    this.#woken.add(topic);
  }

  /** All who wait look again. */
  wakeAll(): void {
    for (const topic of this.#waiting.keys()) this.wake(topic);
  }

  /** Rejects every waiter, now and later, with `failure`. The first failure stays. */
  fail(failure: PersisterError): void {
    this.#failure ??= failure;
    this.wakeAll();
  }

  get failure(): PersisterError | undefined {
    return this.#failure;
  }

  /** How many wait. */
  get count(): number {
    let count = 0;
    for (const waiters of this.#waiting.values()) count += waiters.size;
    return count;
  }

  /**
   * Resolves with the result of `look` as soon as that is not `undefined`. Looks at once, and again
   * after each change under one of `topics`. An error that `look` throws ends the wait.
   *
   * @throws {PersisterError} ABORTED by the signal; the failure, once there is one.
   */
  waitFor<T>(
    topics: readonly Topic[],
    look: () => T | undefined,
    { signal }: WaitOptions = {},
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      throwIfAborted(signal, "the wait");
      const found = look();
      if (found !== undefined) resolve(found);
      else if (this.#failure) reject(this.#failure);
      else this.#waitUntil({ topics, look, signal }, resolve, reject);
    });
  }

  #waitUntil<T>(
    { topics, look, signal }: Wait<Topic, T>,
    resolve: (found: T) => void,
    reject: (cause: Error) => void,
  ): void {
    const end = (): true => {
      takeBack?.();
      this.#remove(topics, waiter);
      return true;
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
    for (const topic of topics) this.#waitersOf(topic).add(waiter);
    const takeBack =
      signal &&
      whenAborted(signal, () => {
        this.#remove(topics, waiter);
        reject(aborted(signal, "the wait"));
      });
  }

  #waitersOf(topic: Topic): Set<Waiter> {
    const known = this.#waiting.get(topic);
    if (known) return known;
    const made = new Set<Waiter>();
    this.#waiting.set(topic, made);
    return made;
  }

  #remove(topics: readonly Topic[], waiter: Waiter): void {
    for (const topic of topics) {
      const waiters = this.#waiting.get(topic);
      if (waiters?.delete(waiter) && waiters.size === 0) this.#waiting.delete(topic);
    }
  }

  #lookAgain(): void {
    const woken = [...this.#woken];
    this.#woken.clear();
    for (const topic of woken) {
      for (const waiter of this.#waiting.get(topic) ?? []) waiter();
    }
  }
}
