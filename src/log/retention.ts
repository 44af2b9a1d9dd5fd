/**
 * What was pruned and can still be read (D9): which numbers of each log lie in which sealed segment,
 * and so how far below its first a log can be read without a gap.
 */
import type { PlacedRecord } from "../journal/places.js";

/** The numbers of one log in one segment. */
interface Range {
  /** The lowest. */
  readonly from: bigint;
  /** Where the last run of them without a gap begins. */
  readonly runFirst: bigint;
  readonly next: bigint;
}

export class Retention {
  /** By segment sequence, then by log name. */
  readonly #ranges = new Map<bigint, Map<string, Range>>();

  sealed(sequence: bigint, records: readonly PlacedRecord[]): void {
    this.#ranges.set(sequence, rangesOf(records));
  }

  /** Forgets the segment; tells which numbers of which logs were in it. */
  released(
    sequence: bigint,
  ): { readonly name: string; readonly from: bigint; readonly to: bigint }[] {
    const ranges = [...(this.#ranges.get(sequence) ?? [])];
    this.#ranges.delete(sequence);
    return ranges.map(([name, { from, next }]) => ({ name, from, to: next }));
  }

  /** Forgets a log that was dropped; tells which of its numbers were where. */
  dropped(name: string): { readonly from: bigint; readonly to: bigint }[] {
    return [...this.#ranges.values()].flatMap((ranges) => {
      const range = ranges.get(name);
      ranges.delete(name);
      return range ? [{ from: range.from, to: range.next }] : [];
    });
  }

  /**
   * The lowest number from which a log can be read without a gap up to `first`, its first live one;
   * `current` is what the segment holds that is not sealed yet.
   */
  firstOf(name: string, first: bigint, current: readonly PlacedRecord[]): bigint {
    const newestFirst = [...this.#ranges].sort(([a], [b]) => (a > b ? -1 : 1));
    const own = rangesOf(current.filter((record) => record.name === name));
    let lowest = first;
    for (const ranges of [own, ...newestFirst.map(([, each]) => each)]) {
      const range = ranges.get(name);
      if (!range || range.runFirst >= lowest) continue;
      if (range.next < lowest) break;
      lowest = range.runFirst;
    }
    return lowest;
  }
}

function rangesOf(records: readonly PlacedRecord[]): Map<string, Range> {
  const ranges = new Map<string, Range>();
  for (const { name, number } of records) {
    const range = ranges.get(name) ?? { from: number, runFirst: number, next: number };
    if (number < range.next) continue;
    const runFirst = number === range.next ? range.runFirst : number;
    ranges.set(name, { from: range.from, runFirst, next: number + 1n });
  }
  return ranges;
}
