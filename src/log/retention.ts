/**
 * What was pruned and can still be read (D9): which numbers of each log lie in which sealed segment,
 * and so how far below its first a log can be read without a gap.
 *
 * A segment is sealed with the highest numbers and released with the lowest ones, as a rule: adding at
 * the end and taking from the front cost the same however much is retained.
 */
import type { PlacedRecord } from "../journal/segment/places.js";

/** Numbers [from, next) of a log that lie in one segment, without a gap. */
export interface Run {
  readonly from: bigint;
  readonly next: bigint;
}

export class Retention {
  readonly #logs = new Map<string, LogRetention>();

  /** In place of what was known of the segment. */
  sealed(sequence: bigint, records: readonly PlacedRecord[]): void {
    for (const log of this.#logs.values()) log.remove(sequence);
    const runs = new RunsByName();
    for (const record of records) runs.add(record);
    for (const [name, own] of runs.entries()) {
      const log = this.#logs.get(name) ?? new LogRetention();
      this.#logs.set(name, log);
      log.add(sequence, own);
    }
  }

  /** Forgets the segment; tells which numbers of which logs were there and nowhere else. */
  released(sequence: bigint): (Run & { readonly name: string })[] {
    const gone: (Run & { readonly name: string })[] = [];
    for (const [name, log] of this.#logs) {
      for (const run of log.remove(sequence)) gone.push({ name, ...run });
    }
    return gone;
  }

  /** Forgets a log that was dropped; tells which of its numbers were there. */
  dropped(name: string): readonly Run[] {
    const log = this.#logs.get(name);
    this.#logs.delete(name);
    return log?.covered ?? [];
  }

  /**
   * The lowest number from which a log can be read without a gap up to `first`, its first live one;
   * `current` is what the segment holds that is not sealed yet.
   */
  firstOf(name: string, first: bigint, current: readonly Run[]): bigint {
    let lowest = first;
    const covered = this.#logs.get(name)?.covered ?? [];
    for (const { from, next } of [...covered, ...current].sort(highestNextFirst)) {
      if (next < lowest) break;
      if (from < lowest) lowest = from;
    }
    return lowest;
  }
}

/** What lies where of one log. */
class LogRetention {
  readonly #runs = new Map<bigint, readonly Run[]>();
  /** Every run, with the lowest first: copies and what they are copies of overlap. */
  readonly #ascending: Run[] = [];
  /** The numbers that lie anywhere: apart from each other, ascending. */
  #covered: readonly Run[] = [];

  get covered(): readonly Run[] {
    return this.#covered;
  }

  add(sequence: bigint, runs: readonly Run[]): void {
    this.#runs.set(sequence, runs);
    for (const run of runs) {
      this.#ascending.splice(this.#indexOf(run.from), 0, run);
      this.#covered = joined(this.#covered, run);
    }
  }

  /** Forgets a segment's runs; tells which of their numbers are nowhere else. */
  remove(sequence: bigint): readonly Run[] {
    const runs = this.#runs.get(sequence);
    if (!runs) return [];
    this.#runs.delete(sequence);
    for (const run of runs) {
      this.#ascending.splice(this.#ascending.indexOf(run, this.#indexOf(run.from)), 1);
    }
    const gone = runs.flatMap((run) => this.#uncovered(run));
    for (const run of gone) this.#covered = this.#covered.flatMap((part) => cut(part, run));
    return gone;
  }

  /** What of `run` is in none of the runs that are left. */
  #uncovered(run: Run): readonly Run[] {
    let rest: readonly Run[] = [run];
    for (const other of this.#ascending) {
      if (other.from >= run.next || rest.length === 0) break;
      rest = rest.flatMap((part) => cut(part, other));
    }
    return rest;
  }

  /** Of the first run that begins at `from` or above. */
  #indexOf(from: bigint): number {
    let low = 0;
    let high = this.#ascending.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#ascending[middle];
      if (run && run.from < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The runs of each log in a list of records, which grows at its end. */
export class RunsByName {
  readonly #runs = new Map<string, { readonly from: bigint; next: bigint }[]>();

  add({ name, number }: Pick<PlacedRecord, "name" | "number">): void {
    const runs = this.#runs.get(name);
    if (!runs) {
      this.#runs.set(name, [{ from: number, next: number + 1n }]);
      return;
    }
    // Appends go on where appends ended; copies in between make runs of their own.
    const run = runs.findLast(({ next }) => next === number);
    if (run) run.next = number + 1n;
    else runs.push({ from: number, next: number + 1n });
  }

  /** Valid until the next record is added. */
  of(name: string): readonly Run[] {
    return this.#runs.get(name) ?? [];
  }

  entries(): Iterable<readonly [string, readonly Run[]]> {
    return this.#runs;
  }
}

function highestNextFirst(a: Run, b: Run): number {
  if (a.next === b.next) return 0;
  return a.next > b.next ? -1 : 1;
}

/** `apart` with `run` in it: what touches becomes one. */
function joined(apart: readonly Run[], run: Run): readonly Run[] {
  const below = apart.filter(({ next }) => next < run.from);
  const above = apart.filter(({ from }) => from > run.next);
  const touching = apart.slice(below.length, apart.length - above.length);
  const first = touching[0];
  const last = touching.at(-1);
  const from = first && first.from < run.from ? first.from : run.from;
  const next = last && last.next > run.next ? last.next : run.next;
  return [...below, { from, next }, ...above];
}

function cut(part: Run, { from, next }: Run): readonly Run[] {
  if (next <= part.from || from >= part.next) return [part];
  const sides = [
    { from: part.from, next: from },
    { from: next, next: part.next },
  ];
  return sides.filter((side) => side.from < side.next);
}
