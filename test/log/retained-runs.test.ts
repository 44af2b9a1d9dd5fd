/** The numbers in each segment: against a model that keeps every number of every segment in a set. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { PlacedRecord } from "../../src/journal/segment/places.js";
import { Retention, runsIn } from "../../src/log/retention.js";

const pointer = { slot: 0, offset: 0, length: 0, crc: 0 };
const NAMES = ["a", "b"] as const;
const TOP = 24n;

interface Numbers {
  readonly name: string;
  readonly from: bigint;
  readonly length: bigint;
}

const numbers = fc.record({
  name: fc.constantFrom(...NAMES),
  from: fc.bigInt(0n, TOP - 1n),
  length: fc.bigInt(1n, 6n),
});
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ seal: fc.array(numbers, { maxLength: 5 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ reseal: fc.nat(), as: fc.array(numbers, { maxLength: 3 }) }),
  },
  { weight: 4, arbitrary: fc.record({ release: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ drop: fc.constantFrom(...NAMES) }) },
);

/** Segment by segment, the records as "name number". */
class SetModel {
  readonly segments = new Map<bigint, Set<string>>();

  isAnywhere(record: string): boolean {
    return [...this.segments.values()].some((records) => records.has(record));
  }

  firstOf(name: string, first: bigint, current: ReadonlySet<string>): bigint {
    let lowest = first;
    const isThere = (number: bigint): boolean =>
      this.isAnywhere(`${name} ${number}`) || current.has(`${name} ${number}`);
    while (lowest > 0n && isThere(lowest - 1n)) lowest -= 1n;
    return lowest;
  }
}

function recordsOf(list: readonly Numbers[]): PlacedRecord[] {
  return list.flatMap(({ name, from, length }) =>
    Array.from({ length: Number(length) }, (_, index) => {
      return { name, number: from + BigInt(index), pointer };
    }),
  );
}

const keyOf = ({ name, number }: { name: string; number: bigint }): string => `${name} ${number}`;

test("bounds, and what is forgotten with a segment, are exact in any history", () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 30 }),
      fc.array(numbers, { maxLength: 2 }),
      (steps, last) => {
        const retention = new Retention();
        const model = new SetModel();
        let sequence = 0n;
        const pick = (index: number): bigint | undefined =>
          [...model.segments.keys()][index % Math.max(1, model.segments.size)];
        for (const each of steps) {
          if ("seal" in each) {
            sequence += 1n;
            retention.sealed(sequence, runsIn(recordsOf(each.seal)));
            model.segments.set(sequence, new Set(recordsOf(each.seal).map(keyOf)));
          } else if ("reseal" in each) {
            const known = pick(each.reseal);
            if (known === undefined) continue;
            retention.sealed(known, runsIn(recordsOf(each.as)));
            model.segments.set(known, new Set(recordsOf(each.as).map(keyOf)));
          } else if ("release" in each) {
            const known = pick(each.release);
            if (known === undefined) continue;
            const gone = retention.released(known);
            const were = model.segments.get(known) ?? new Set<string>();
            model.segments.delete(known);
            const due = [...were].filter((record) => !model.isAnywhere(record));
            expect(listed(gone).sort()).toEqual(due.sort());
          } else {
            const there = new Set([...model.segments.values()].flatMap((records) => [...records]));
            const due = [...there].filter((record) => record.startsWith(each.drop));
            const dropped = retention.dropped(each.drop);
            expect(listed(dropped).sort()).toEqual(due.sort());
            for (const records of model.segments.values()) {
              for (const record of due) records.delete(record);
            }
          }
          for (const name of NAMES) {
            const current = recordsOf(last.filter((run) => run.name === name));
            const runs = current.map(({ number }) => ({ from: number, next: number + 1n }));
            const keys = new Set(current.map(keyOf));
            for (const first of [0n, 7n, TOP, TOP + 6n]) {
              const lowest = model.firstOf(name, first, keys);
              expect(retention.firstOf(name, first, runs)).toBe(lowest);
            }
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});

/** Each once: a number may lie twice in a segment. */
function listed(runs: readonly { name: string; from: bigint; next: bigint }[]): string[] {
  const keys = runs.flatMap(({ name, from, next }) =>
    Array.from({ length: Number(next - from) }, (_, index) => `${name} ${from + BigInt(index)}`),
  );
  return [...new Set(keys)];
}
