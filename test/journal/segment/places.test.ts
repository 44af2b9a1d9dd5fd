/** The places of live records, against a model that keeps a list. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { RECORD_HEADER_BYTES } from "../../../src/journal/form/records.js";
import { Places } from "../../../src/journal/segment/places.js";
import type { Span } from "../../../src/journal/segment/run.js";
import type { Pointer } from "../../../src/journal/segment/segment.js";
import { InvariantError } from "../../../src/types/assert.js";

const SLOTS = 4;
const names = ["a", "b", "c"] as const;
type Name = (typeof names)[number];

type Change =
  | { readonly do: "append"; readonly name: Name; readonly slot: number; readonly length: number }
  | { readonly do: "truncate"; readonly name: Name; readonly by: number }
  | { readonly do: "drop"; readonly name: Name }
  | { readonly do: "move"; readonly name: Name; readonly at: number; readonly slot: number };

const name = fc.constantFrom(...names);
const slot = fc.nat({ max: SLOTS - 1 });
const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("append" as const),
        name,
        slot,
        length: fc.nat({ max: 99 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("truncate" as const),
        name,
        by: fc.integer({ min: -3, max: 12 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("drop" as const), name }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant("move" as const), name, at: fc.nat(), slot }),
    },
  ),
  { maxLength: 80, size: "max" },
);

/** Every live record with its place, and where each log goes on. */
class Model {
  readonly records: { name: Name; number: bigint; pointer: Pointer }[] = [];
  readonly #next = new Map<Name, bigint>();
  #offset = 0;

  change(change: Change, places: Places): void {
    const own = this.records.filter((record) => record.name === change.name);
    switch (change.do) {
      case "append": {
        const number = this.#next.get(change.name) ?? 0n;
        const pointer = this.#pointer(change.slot, change.length);
        this.records.push({ name: change.name, number, pointer });
        this.#next.set(change.name, number + 1n);
        places.append(change.name, number, pointer);
        return;
      }
      case "truncate": {
        const next = this.#next.get(change.name) ?? 0n;
        const first = (own[0]?.number ?? next) + BigInt(change.by);
        if (first < 0n) return;
        this.#keep((record) => record.name !== change.name || record.number >= first);
        if (first > next) this.#next.set(change.name, first);
        places.truncate(change.name, first);
        return;
      }
      case "drop":
        this.#keep((record) => record.name !== change.name);
        this.#next.delete(change.name);
        places.drop(change.name);
        return;
      case "move": {
        const record = own[change.at % Math.max(1, own.length)];
        if (!record) return;
        record.pointer = { ...record.pointer, slot: change.slot, offset: this.#offset++ };
        places.move(change.name, record.number, record.pointer);
      }
    }
  }

  #pointer(inSlot: number, length: number): Pointer {
    this.#offset += 1;
    return { slot: inSlot, offset: this.#offset, length, crc: length * 7 };
  }

  #keep(stays: (record: Model["records"][number]) => boolean): void {
    this.records.splice(0, this.records.length, ...this.records.filter(stays));
  }
}

const bytesOf = (records: Model["records"]): number =>
  records.reduce((sum, { pointer }) => sum + RECORD_HEADER_BYTES + pointer.length, 0);

test("after any changes each live record is found, and each slot's share is the sum of its records", () => {
  fc.assert(
    fc.property(changes, (drawn) => {
      const places = new Places();
      const model = new Model();
      for (const change of drawn) model.change(change, places);
      for (const record of model.records) {
        expect(places.find(record.name, record.number)).toEqual(record.pointer);
      }
      for (const each of names) {
        const own = model.records.filter((record) => record.name === each);
        const first = own[0]?.number ?? 0n;
        expect(places.find(each, first - 1n)).toBeUndefined();
        expect(places.find(each, first + BigInt(own.length))).toBeUndefined();
      }
      expect(places.liveBytes).toBe(bytesOf(model.records));
      for (const each of names) expect([...places.spansOf(each)]).toEqual(spansOf(model, each));
      for (let at = 0; at < SLOTS; at++) {
        const inSlot = model.records.filter(({ pointer }) => pointer.slot === at);
        expect(places.liveIn(at)).toEqual({ records: inSlot.length, bytes: bytesOf(inSlot) });
        expect([...places.recordsIn(at)].sort(byName)).toEqual([...inSlot].sort(byName));
      }
    }),
    { numRuns: 400 },
  );
});

/** The records of a log, joined where neighbours lie in one slot. */
function spansOf(model: Model, of: Name): readonly Span[] {
  const spans: { slot: number; first: bigint; next: bigint }[] = [];
  for (const { number, pointer } of model.records.filter((record) => record.name === of)) {
    const last = spans.at(-1);
    if (last?.slot === pointer.slot) last.next = number + 1n;
    else spans.push({ slot: pointer.slot, first: number, next: number + 1n });
  }
  return spans;
}

function byName(
  one: { readonly name: string; readonly number: bigint },
  other: { readonly name: string; readonly number: bigint },
): number {
  if (one.name !== other.name) return one.name < other.name ? -1 : 1;
  return Number(one.number - other.number);
}

const at = (offset: number): Pointer => ({ slot: 0, offset, length: 8, crc: 1 });

test("a hole, a move of what is not live, and a copy that is not equal are defects", () => {
  const places = new Places();
  places.append("a", 5n, at(0));
  expect(() => places.append("a", 7n, at(1))).toThrow(InvariantError);
  expect(() => places.move("a", 6n, at(1))).toThrow(InvariantError);
  expect(() => places.move("b", 5n, at(1))).toThrow(InvariantError);
  expect(() => places.move("a", 5n, { ...at(1), crc: 2 })).toThrow(InvariantError);
  expect(() => places.move("a", 5n, { ...at(1), length: 9 })).toThrow(InvariantError);
  expect(places.find("a", 5n)).toEqual(at(0));
});

test("a truncation far above everything leaves nothing, and costs nothing", () => {
  const places = new Places();
  for (let number = 0n; number < 4n; number++) places.append("a", number, at(Number(number)));
  const first = 2n ** 64n - 2n;
  places.truncate("a", first);
  expect(places.liveBytes).toBe(0);
  places.append("a", first, at(9));
  expect(places.find("a", first)).toEqual(at(9));
  expect(places.find("a", 3n)).toBeUndefined();
});

test.each([2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 64n - 9n])(
  "from %i on each record is found at its own place: no double tells odd numbers apart there",
  (zero) => {
    const places = new Places();
    const numbers = Array.from({ length: 7 }, (_, index) => zero + BigInt(index));
    for (const [index, number] of numbers.entries()) places.append("a", number, at(index));
    for (const [index, number] of numbers.entries()) {
      expect(places.find("a", number)).toEqual(at(index));
    }
    places.truncate("a", zero + 3n);
    for (const [index, number] of numbers.entries()) {
      expect(places.find("a", number)).toEqual(index < 3 ? undefined : at(index));
    }
  },
);

test("after many small truncations every record that is left is found where it lies", () => {
  const places = new Places();
  for (let number = 0n; number < 10_000n; number++) places.append("a", number, at(Number(number)));
  for (let first = 7n; first < 9000n; first += 7n) {
    places.truncate("a", first);
    expect(places.find("a", first - 1n)).toBeUndefined();
    expect(places.find("a", first)).toEqual(at(Number(first)));
    expect(places.find("a", 9999n)).toEqual(at(9999));
  }
});
