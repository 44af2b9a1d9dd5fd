/** Work that goes on beside the turns of a loop: the loop's end waits for it, and its first failure ends it. */
export class Background {
  readonly #tasks = new Set<Promise<void>>();
  readonly #failure = new AbortController();

  /** Aborted by the first failure, with the failure as its reason. */
  get failure(): AbortSignal {
    return this.#failure.signal;
  }

  /** `work` has a handler from here on. */
  add(work: Promise<void>): void {
    const task = work
      .catch((cause: unknown) => this.#failure.abort(cause))
      .finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  /** Resolves when all has ended; rejects with the first failure. */
  async ended(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    this.#failure.signal.throwIfAborted();
  }
}
