/**
 * What was pruned and can still be read (D9): which numbers of each log lie in which sealed segment,
 * and so how far below its first a log can be read without a gap.
 */
import type { PlacedRecord } from "../journal/places.js";

/** Numbers [from, next) of a log that lie in one segment, without a gap. */
export interface Run {
  readonly from: bigint;
  readonly next: bigint;
}

export class Retention {
  /** By log name, then by the sequence of the segment. */
  readonly #runs = new Map<string, Map<bigint, readonly Run[]>>();

  /** In place of what was known of the segment. */
  sealed(sequence: bigint, records: readonly PlacedRecord[]): void {
    for (const segments of this.#runs.values()) segments.delete(sequence);
    const runs = new RunsByName();
    for (const record of records) runs.add(record);
    for (const [name, own] of runs.entries()) {
      const segments = this.#runs.get(name) ?? new Map<bigint, readonly Run[]>();
      this.#runs.set(name, segments.set(sequence, own));
    }
  }

  /** Forgets the segment; tells which numbers of which logs were there and nowhere else. */
  released(sequence: bigint): (Run & { readonly name: string })[] {
    const gone: (Run & { readonly name: string })[] = [];
    for (const [name, segments] of this.#runs) {
      const own = segments.get(sequence);
      if (!own) continue;
      segments.delete(sequence);
      for (const run of own) {
        for (const rest of without(run, segments.values())) gone.push({ name, ...rest });
      }
    }
    return gone;
  }

  /** Forgets a log that was dropped; tells which of its numbers were there. */
  dropped(name: string): readonly Run[] {
    const segments = this.#runs.get(name);
    this.#runs.delete(name);
    return segments ? [...segments.values()].flat() : [];
  }

  /**
   * The lowest number from which a log can be read without a gap up to `first`, its first live one;
   * `current` is what the segment holds that is not sealed yet.
   */
  firstOf(name: string, first: bigint, current: readonly Run[]): bigint {
    let lowest = first;
    /** Copies lie above what they are copies of: some runs reach down before their turn. */
    const early: Run[] = [];
    const segments = [...(this.#runs.get(name)?.values() ?? [])];
    for (const runs of [...segments, current].reverse()) {
      for (const run of runs) {
        if (run.from >= lowest) continue;
        if (run.next < lowest) early.push(run);
        else lowest = run.from;
      }
    }
    for (const { from, next } of early.sort((a, b) => Number(b.next - a.next))) {
      if (next < lowest) break;
      if (from < lowest) lowest = from;
    }
    return lowest;
  }
}

/** The runs of each log in a list of records, which grows at its end. */
export class RunsByName {
  readonly #runs = new Map<string, Run[]>();

  add({ name, number }: Pick<PlacedRecord, "name" | "number">): void {
    const runs = this.#runs.get(name) ?? [];
    this.#runs.set(name, runs);
    // Appends go on where appends ended; copies in between make runs of their own.
    const at = runs.findIndex(({ next }) => next === number);
    const from = runs[at]?.from ?? number;
    runs.splice(at < 0 ? runs.length : at, 1, { from, next: number + 1n });
  }

  of(name: string): readonly Run[] {
    return this.#runs.get(name) ?? [];
  }

  entries(): Iterable<readonly [string, readonly Run[]]> {
    return this.#runs;
  }
}

/** What of `run` is in none of `others`. */
function without(run: Run, others: Iterable<readonly Run[]>): readonly Run[] {
  let rest: readonly Run[] = [run];
  for (const runs of others) {
    for (const other of runs) {
      if (other.next <= run.from || other.from >= run.next) continue;
      rest = rest.flatMap((part) => cut(part, other));
    }
  }
  return rest;
}

function cut(part: Run, { from, next }: Run): Run[] {
  if (next <= part.from || from >= part.next) return [part];
  const sides = [
    { from: part.from, next: from },
    { from: next, next: part.next },
  ];
  return sides.filter((side) => side.from < side.next);
}
