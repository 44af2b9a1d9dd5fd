/** Lanes that are being dropped, from the call until the turn that drops them has ended. */
import type { PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";

export class LaneDrop {
  /** Every lane that is not in it goes. */
  readonly keep: ReadonlySet<LaneId>;
  #isEnded = false;
  #refusal: PersisterError | undefined;

  /** Copies `keep`. */
  constructor(keep: ReadonlySet<LaneId>) {
    this.keep = new Set(keep);
  }

  end(refusal: PersisterError | undefined): void {
    this.#isEnded = true;
    this.#refusal = refusal;
  }

  /** True once the drop is durable, `undefined` before. Throws the refusal, if there was one. */
  outcome(): true | undefined {
    if (this.#refusal) throw this.#refusal;
    return this.#isEnded ? true : undefined;
  }
}
