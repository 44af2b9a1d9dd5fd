/** One change of a job's state at a time; different jobs go side by side. */
import pLimit, { type LimitFunction } from "p-limit";

export class JobLocks {
  readonly #locks = new Map<string, LimitFunction>();

  /** The jobs of which a change is under way, or waits. */
  get busy(): readonly string[] {
    return [...this.#locks.keys()];
  }

  /** Whether somebody waits for the end of a change of this job. */
  isAwaited(id: string): boolean {
    return (this.#locks.get(id)?.pendingCount ?? 0) > 0;
  }

  /** Does `task` behind all that was asked for this job before. */
  async exclusive<T>(id: string, task: () => Promise<T>): Promise<T> {
    const lock = this.#locks.get(id) ?? pLimit(1);
    this.#locks.set(id, lock);
    try {
      return await lock(task);
    } finally {
      if (lock.activeCount === 0 && lock.pendingCount === 0) this.#locks.delete(id);
    }
  }
}
