/**
 * How the values of a measure are spread: counts by size, eight sizes to each power of two. One count is
 * an addition and a logarithm, so that a measure may be taken of every block. Both readings follow from
 * the counts: the buckets of Prometheus, whose bounds are powers of two of the first one, and quantiles
 * that are at most 9 % too high.
 */
const STEPS = 8;
/** Powers of two below the first bucket's bound. */
const BELOW = 8;

/** The counts of a spread at some moment. */
export interface SpreadCounts {
  readonly counts: Float64Array;
  readonly count: number;
  readonly sum: number;
}

export class Spread {
  readonly #bounds: readonly number[];
  readonly #least: number;
  readonly #counts: Float64Array;
  #count = 0;
  #sum = 0;

  /** `bounds` double from one to the next. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#least = (bounds[0] ?? 1) / 2 ** BELOW;
    // One above all bounds, for what is larger.
    this.#counts = new Float64Array((BELOW + bounds.length - 1) * STEPS + 1);
  }

  note(value: number): void {
    // A size holds its upper bound, as a bucket of Prometheus does.
    const at = Math.ceil(Math.log2(value / this.#least) * STEPS) - 1;
    const within = Math.min(Math.max(at, 0), this.#counts.length - 1);
    this.#counts[within] = (this.#counts[within] ?? 0) + 1;
    this.#count += 1;
    this.#sum += value;
  }

  /** A copy of the counts. */
  get now(): SpreadCounts {
    return { counts: this.#counts.slice(), count: this.#count, sum: this.#sum };
  }

  /** How many values were at most as large as each bound; those above all bounds are in `count` alone. */
  cumulative(): readonly { readonly bound: number; readonly count: number }[] {
    let count = 0;
    let at = 0;
    return this.#bounds.map((bound, index) => {
      const end = (BELOW + index) * STEPS;
      for (; at < end; at++) count += this.#counts[at] ?? 0;
      return { bound, count };
    });
  }

  /**
   * The upper bounds of these shares of the values that came since `before`, 1 being all of them;
   * `undefined` if none came. A value above all bounds counts as the largest bound.
   */
  quantilesSince(
    before: SpreadCounts | undefined,
    shares: readonly number[],
  ): readonly number[] | undefined {
    const total = this.#count - (before?.count ?? 0);
    if (total === 0) return undefined;
    return shares.map((share) => this.#boundOf(before, share * total));
  }

  #boundOf(before: SpreadCounts | undefined, rank: number): number {
    let seen = 0;
    let at = 0;
    for (; at < this.#counts.length; at++) {
      seen += (this.#counts[at] ?? 0) - (before?.counts[at] ?? 0);
      if (seen >= rank) break;
    }
    return this.#least * 2 ** (Math.min(at + 1, this.#counts.length - 1) / STEPS);
  }
}
