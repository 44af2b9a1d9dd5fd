/** The releases on record, read from the store again when they are ten seconds old. */
import type { Release } from "../../persist/note-forms.js";
import type { Observed } from "../observed.js";

const FRESH_MS = 10_000;

export class Releases {
  readonly #observed: Observed;
  #known: readonly Release[] = [];
  #readAtMs = -Infinity;

  constructor(observed: Observed) {
    this.#observed = observed;
  }

  /** Oldest first. A store that cannot be read any more keeps those that were read before. */
  async newest(): Promise<readonly Release[]> {
    const state = this.#observed.store();
    const nowMs = performance.now();
    if (state.kind !== "open" || nowMs - this.#readAtMs < FRESH_MS) return this.#known;
    this.#readAtMs = nowMs;
    if (state.keeper.status().poison) return this.#known;
    this.#known = await state.keeper.releases();
    return this.#known;
  }
}
