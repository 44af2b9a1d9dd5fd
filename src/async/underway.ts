/** Work that its callers wait for, and that a barrier waits for beside them. */
export class Underway {
  readonly #works = new Set<Promise<unknown>>();

  /** Ends as `work` does. */
  async add<T>(work: Promise<T>): Promise<T> {
    this.#works.add(work);
    try {
      return await work;
    } finally {
      this.#works.delete(work);
    }
  }

  /** Resolves when all that is under way now has ended; rejects with the first failure. */
  async ended(): Promise<void> {
    await Promise.all(this.#works);
  }
}
