/**
 * The prunes of anchors that are durable, until they are durable themselves. Nobody waits for one, so it
 * rides in the group of a later turn, except before an anchor that says nothing of its lane:
 *
 * 1. Anchor 4 starts lane A at 4. 2. Anchor 9 says nothing of lane A. 3. A crash leaves anchor 9 alone. If
 * lane A's log did not say 4 by then, lane A would begin at 0 again (D3: starts only rise).
 */
import type { LaneId } from "../types/lane.js";

/** The lanes for which an anchor has a start. */
type Starts = ReadonlyMap<LaneId, bigint>;

interface Pending {
  readonly starts: Starts;
  readonly ended: Promise<void>;
}

export class PendingPrunes {
  readonly #pending = new Set<Pending>();
  /** Anchors that wait for prunes. */
  #waiting = 0;

  /** Whether nobody waits for a prune. */
  get mayWait(): boolean {
    return this.#waiting === 0;
  }

  /** Remembers prunes by an anchor with these starts until they have `ended`, and returns their end. */
  async add(starts: Starts, ended: Promise<void>): Promise<void> {
    const pending = { starts, ended };
    this.#pending.add(pending);
    try {
      await ended;
    } finally {
      this.#pending.delete(pending);
    }
  }

  /**
   * Resolves when no prune is pending of a lane that `next` says nothing of. If there is one, `hurry` is
   * called once: the prunes that are queued are to go now.
   */
  async endedBefore(next: Starts, hurry: () => void): Promise<void> {
    const behind = [...this.#pending].filter(({ starts }) => {
      return [...starts.keys()].some((lane) => !next.has(lane));
    });
    if (behind.length === 0) return;
    this.#waiting += 1;
    hurry();
    // One that fails has told so by itself.
    await Promise.allSettled(behind.map(({ ended }) => ended));
    this.#waiting -= 1;
  }
}
