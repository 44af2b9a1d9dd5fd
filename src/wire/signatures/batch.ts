/**
 * Signatures that are verified together, by this thread and perhaps by another one. Both take from
 * the front. The first bad one in order decides: nothing behind it is taken any more.
 */
import { assert } from "../../types/assert.js";
import type { Check } from "./claim.js";
import { verifyFast, verifySlowly } from "./ed25519.js";
import { fastestArithmetic } from "./group-arithmetic.js";
import { hasTime, nextTurn } from "./turns.js";

/** The checks `[first, next)` of a batch, which one of the threads took. */
export interface Taken {
  readonly first: number;
  readonly next: number;
}

export class Batch {
  readonly checks: readonly Check[];
  /** Checks below this were taken. */
  #taken = 0;
  /** How many ranges were taken and are not reported yet. */
  #open = 0;
  /** The lowest check known to be bad; the number of checks while there is none. */
  #bad: number;
  #failure: Error | undefined;
  /** The batch that took the place of this one. */
  #again: Batch | undefined;
  #wake: (() => void) | undefined;

  constructor(checks: readonly Check[]) {
    this.checks = checks;
    this.#bad = checks.length;
  }

  /** How many checks no thread took yet. */
  get left(): number {
    return this.#failure === undefined ? Math.max(0, this.#bad - this.#taken) : 0;
  }

  /** Takes up to `count` checks, which the caller then reports. */
  take(count: number): Taken | undefined {
    if (this.left === 0) return undefined;
    const first = this.#taken;
    this.#taken = first + Math.min(count, this.left);
    this.#open++;
    return { first, next: this.#taken };
  }

  /** `bad` is the first check in the range that does not hold, if any. */
  report(taken: Taken, bad: number | undefined): void {
    assert(bad === undefined || (bad >= taken.first && bad < taken.next), "it was taken");
    this.#open--;
    if (bad !== undefined && bad < this.#bad) this.#bad = bad;
    if (this.#open === 0) this.#wake?.();
  }

  /** Ends the batch: nothing more is taken, and `firstBad` rejects. The first failure stays. */
  fail(failure: Error): void {
    this.#failure ??= failure;
    this.#again?.fail(failure);
    this.#wake?.();
  }

  /** The same checks, none of them taken. A failure of this batch from now on fails that one too. */
  again(): Batch {
    this.#again = new Batch(this.checks);
    return this.#again;
  }

  /** The first bad check, once all below it are reported; undefined if every one holds. */
  async firstBad(): Promise<Check | undefined> {
    assert(this.left === 0, "every check was taken");
    if (this.#open > 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    return this.checks[this.#bad];
  }
}

/** Verifies `batch` on this thread, in turns of the event loop. Another thread may take from it too. */
export async function firstBadHere(batch: Batch): Promise<Check | undefined> {
  await fastestArithmetic();
  for (;;) {
    while (!hasTime("short")) await nextTurn();
    const taken = batch.take(1);
    const check = taken && batch.checks[taken.first];
    if (taken === undefined || check === undefined) return await batch.firstBad();
    let isValid = verifyFast(check.digest, check.sig);
    if (!isValid) {
      while (!hasTime("long")) await nextTurn();
      isValid = verifySlowly(check.digest, check.sig);
    }
    batch.report(taken, isValid ? undefined : taken.first);
  }
}
