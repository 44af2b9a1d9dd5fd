/** The end of one turn of a log, which may settle in parts: its entries may lie in several groups. */
import type { PersisterError } from "../types/errors.js";

/** Ends a turn when its last entry has settled: well, or with the first refusal. */
export class TurnEnd {
  readonly #resolve: () => void;
  readonly #reject: (refusal: PersisterError) => void;
  #open = 0;
  #refusal: PersisterError | undefined;

  constructor(resolve: () => void, reject: (refusal: PersisterError) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Called once, before any of the entries settles. */
  expect(entries: number): void {
    this.#open = entries;
    if (entries === 0) this.#resolve();
  }

  settle(refusal: PersisterError | undefined): void {
    this.#refusal ??= refusal;
    this.#open -= 1;
    if (this.#open > 0) return;
    if (this.#refusal) this.#reject(this.#refusal);
    else this.#resolve();
  }
}
