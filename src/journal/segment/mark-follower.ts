/**
 * Has the mark follow behind the acknowledgements (D6). An acknowledgement does not wait for it; until a
 * mark names it, its footer alone tells of it.
 */
import type { MarkFile } from "./mark-file.js";

/** How long an acknowledgement stays without a mark that names it. */
export const MARK_LAG_MS = 2;

export interface MarkFollowerParts {
  readonly markFile: MarkFile;
  /** Calls `task` when `MARK_LAG_MS` are over. */
  readonly later: (task: () => void) => void;
  /** Nothing may be written any more (D7). */
  readonly isPoisoned: () => boolean;
  /** A rotation is on its way: its own mark comes, and waits for one that is in flight. */
  readonly isRotating: () => boolean;
  readonly fail: (cause: unknown) => void;
}

export class MarkFollower {
  readonly #parts: MarkFollowerParts;
  #isDue = false;
  #isAsked = false;

  constructor(parts: MarkFollowerParts) {
    this.#parts = parts;
  }

  /** Something was acknowledged: a mark begins soon. */
  follow(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#parts.later(() => {
      this.#isDue = false;
      this.write();
    });
  }

  /** A mark begins at once, if the last one does not name everything, and no other is about to. */
  write(): void {
    const { markFile, isPoisoned, isRotating, fail } = this.#parts;
    if (!markFile.isBehind || this.#isAsked || isPoisoned() || isRotating()) return;
    this.#isAsked = true;
    markFile
      .write({})
      .finally(() => {
        this.#isAsked = false;
      })
      .catch(fail);
  }
}
