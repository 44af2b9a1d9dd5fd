/**
 * The numbers that lie in sealed segments: which numbers of each log lie in which segment, and so how far
 * below its first a log can be read without a gap (D9). A few dozen bytes for each segment and log; where
 * the records lie is the map's to know.
 *
 * A segment is sealed with the highest numbers and released with the lowest ones, as a rule. Copies of
 * live records make exceptions: a number may lie in several segments.
 */
import type { PlacedRecord } from "../journal/segment/places.js";

/** Numbers [from, next) of a log, without a gap. */
export interface Run {
  readonly from: bigint;
  readonly next: bigint;
}

export interface NamedRun extends Run {
  readonly name: string;
}

/** A run that lies in one segment. */
interface PlacedRun extends Run {
  readonly sequence: bigint;
}

export class Retention {
  readonly #logs = new Map<string, LogRetention>();
  readonly #sequences = new Set<bigint>();

  /** Whether it is known what lies in the segment. */
  knows(sequence: bigint): boolean {
    return this.#sequences.has(sequence);
  }

  /** Notes what lies in the segment, in place of what was known of it. */
  sealed(sequence: bigint, runs: readonly NamedRun[]): void {
    if (this.#sequences.has(sequence)) {
      for (const log of this.#logs.values()) log.remove(sequence);
    }
    this.#sequences.add(sequence);
    for (const { name, from, next } of runs) {
      const log = this.#logs.get(name) ?? new LogRetention();
      this.#logs.set(name, log);
      log.add({ from, next, sequence });
    }
  }

  /** Forgets the segment. Returns the numbers that lay there and nowhere else. */
  released(sequence: bigint): readonly NamedRun[] {
    if (!this.#sequences.delete(sequence)) return [];
    const gone: NamedRun[] = [];
    for (const [name, log] of this.#logs) {
      for (const run of log.remove(sequence)) gone.push({ name, ...run });
    }
    return gone;
  }

  /** Forgets a log that was dropped. Returns the numbers of it that were known. */
  dropped(name: string): readonly NamedRun[] {
    const log = this.#logs.get(name);
    this.#logs.delete(name);
    return (log?.covered ?? []).map((run) => ({ name, ...run }));
  }

  /** Whether a record lies in a segment that is known. */
  has(name: string, number: bigint): boolean {
    const covered = this.#logs.get(name)?.covered ?? [];
    return covered.some(({ from, next }) => number >= from && number < next);
  }

  /** Whether a record lies in this segment. */
  lies(sequence: bigint, name: string, number: bigint): boolean {
    const run = { name, from: number, next: number + 1n };
    return this.copiesAbove(sequence - 1n, run).some((copy) => copy.sequence === sequence);
  }

  /** The runs of known segments above `sequence` in which a number of `run` lies too, as a copy. */
  copiesAbove(sequence: bigint, run: NamedRun): readonly PlacedRun[] {
    return this.#logs.get(run.name)?.copiesAbove(sequence, run) ?? [];
  }

  /** The oldest segment with a number of the run that `runOf` gives for its log. */
  oldestWith(runOf: (name: string) => Run | undefined): bigint | undefined {
    let lowest: bigint | undefined;
    for (const [name, log] of this.#logs) {
      const run = runOf(name);
      const sequence = run && log.oldestWith(run);
      if (sequence === undefined) continue;
      if (lowest === undefined || sequence < lowest) lowest = sequence;
    }
    return lowest;
  }

  /**
   * The numbers of a log below `first`, its first live one, that lie anywhere: runs apart from each other,
   * ascending. `current` are the numbers in the segment that is not sealed yet.
   */
  runsBelow(name: string, first: bigint, current: readonly Run[]): readonly Run[] {
    const covered = this.#logs.get(name)?.covered ?? [];
    const all = current.reduce(joined, covered);
    return all.flatMap((run) => cut(run, { from: first, next: run.next }));
  }

  /** The lowest number from which a log can be read without a gap up to `first`. */
  firstOf(name: string, first: bigint, current: readonly Run[]): bigint {
    const last = this.runsBelow(name, first, current).at(-1);
    return last?.next === first ? last.from : first;
  }
}

/** The numbers of one log. */
class LogRetention {
  /** Every run, with the lowest first. Those of copies and of their originals overlap. */
  readonly #ascending: PlacedRun[] = [];
  /** The numbers that lie anywhere: runs apart from each other, ascending. */
  #covered: readonly Run[] = [];

  get covered(): readonly Run[] {
    return this.#covered;
  }

  add(run: PlacedRun): void {
    // Nearly every segment goes on where the one before it ended.
    const highest = this.#ascending.at(-1);
    if (!highest || highest.from < run.from) this.#ascending.push(run);
    else this.#ascending.splice(this.#indexOf(run.from), 0, run);
    const end = this.#covered.at(-1);
    this.#covered =
      end?.next === run.from
        ? [...this.#covered.slice(0, -1), { from: end.from, next: run.next }]
        : joined(this.#covered, run);
  }

  /** Forgets a segment's runs. Returns the numbers of them that lie nowhere else. */
  remove(sequence: bigint): readonly Run[] {
    const runs: PlacedRun[] = [];
    for (let index = this.#ascending.length - 1; index >= 0; index--) {
      const run = this.#ascending[index];
      if (run?.sequence !== sequence) continue;
      this.#ascending.splice(index, 1);
      runs.push(run);
    }
    const gone = runs.flatMap((run) => this.#uncovered(run));
    for (const run of gone) this.#covered = this.#covered.flatMap((part) => cut(part, run));
    return gone;
  }

  oldestWith(wanted: Run): bigint | undefined {
    let lowest: bigint | undefined;
    if (wanted.from >= wanted.next) return undefined;
    for (const { from, next, sequence } of this.#ascending) {
      if (from >= wanted.next) break;
      if (next > wanted.from && (lowest === undefined || sequence < lowest)) lowest = sequence;
    }
    return lowest;
  }

  copiesAbove(sequence: bigint, { from, next }: Run): readonly PlacedRun[] {
    return this.#ascending.filter(
      (run) => run.sequence > sequence && run.from < next && run.next > from,
    );
  }

  /** The part of `run` that is in none of the runs that are left. */
  #uncovered({ from, next }: Run): readonly Run[] {
    let rest: readonly Run[] = [{ from, next }];
    for (const other of this.#ascending) {
      if (other.from >= next || rest.length === 0) break;
      rest = rest.flatMap((part) => cut(part, other));
    }
    return rest;
  }

  /** The index of the first run that begins at `from` or above. */
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

  /** Every run, as values of their own. */
  all(): readonly NamedRun[] {
    return [...this.#runs].flatMap(([name, runs]) => runs.map((run) => ({ name, ...run })));
  }
}

/** The runs of each log in `records`. */
export function runsIn(records: readonly PlacedRecord[]): readonly NamedRun[] {
  const runs = new RunsByName();
  for (const record of records) runs.add(record);
  return runs.all();
}

/** `apart` with `run` in it. Runs that touch become one. */
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
