/**
 * The door of a journal: whatever is passed to a public method, the answer is a result or a typed error,
 * and a wrong argument changes nothing. TypeScript is left out here, as it is in plain JavaScript.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { importWalManager } from "../../src/records/import.js";
import { Journal } from "../../src/records/journal.js";
import { LanekeeperError } from "../../src/types/lanekeeper-error.js";
import { appendTexts, fresh, PUT, put, refusal, replayed, texts } from "./kit.js";

const RUNS = Number(process.env["LANEKEEPER_RUNS"] ?? 150) * 4;

type Call = (...given: readonly unknown[]) => unknown;

/** A method, without the types of its arguments. */
function untyped(target: object, name: string): Call {
  return (...given) => (Reflect.get(target, name) as Call).apply(target, [...given]);
}

/** An object that cannot be looked at, but for its name in a counterexample. */
const printed = { [fc.toStringMethod]: () => "an object whose traps throw" };
const trap = (): never => {
  throw new Error("a trap of the caller");
};
const throwing = new Proxy(printed, {
  get: (_, key) => (key === fc.toStringMethod ? printed[fc.toStringMethod] : trap()),
  ownKeys: trap,
});

/** A value of any JavaScript type. */
const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({ withBigInt: true, withTypedArray: true, withDate: true, withMap: true }),
  fc.constantFrom<unknown>(
    undefined,
    null,
    Number.NaN,
    -0,
    -1n,
    2n ** 64n,
    "1",
    Symbol("junk"),
    throwing,
    () => 1,
    () => Promise.reject(new Error("of the caller")),
    function* generator() {
      yield 1;
    },
    new Proxy(new Uint8Array(3), {}),
    new ArrayBuffer(4),
    new DataView(new ArrayBuffer(4)),
    Object.create(null),
    { signal: "stop" },
    { signal: {} },
    { select: 5 },
    { select: () => Promise.reject(new Error("of the caller")) },
    { select: () => "yes" },
    { from: 1 },
    { limit: 0 },
    { limit: 1, from: -1n },
    { type: PUT },
    { type: PUT, payload: "text" },
    { type: PUT, payload: new Uint8Array(1), tenantId: 7 },
    { type: PUT, payload: new Uint8Array(1), tenant: 7.5 },
    { type: PUT, payload: new Uint8Array(1), shard: -1 },
    { type: PUT, payload: new Uint8Array(1), origin: 0n },
    { type: PUT, payload: new Uint8Array(1), origin: 5 },
    { type: String(PUT), payload: new Uint8Array(1) },
    [],
    [throwing],
    [{ type: PUT, payload: new Uint8Array(1) }, undefined],
  ),
);

/** Whether the records below `given` may be forgotten: it is no junk then, and changes the journal. */
const isForgettable = ({ nextLsn }: Journal, given: unknown): boolean =>
  typeof given === "bigint" && given >= 0n && given <= nextLsn;

/** Everything that a caller does with what a method returned. */
async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    const result = await call();
    if (typeof result !== "object" || result === null) return undefined;
    if (Symbol.asyncIterator in result)
      for await (const each of result as AsyncIterable<unknown>) void each;
    else if (Symbol.iterator in result) for (const each of result as Iterable<unknown>) void each;
    return undefined;
  } catch (error) {
    return error;
  }
}

const state = ({ firstLsn, nextLsn, checkpointLsn, poison }: Journal): unknown => {
  return { firstLsn, nextLsn, checkpointLsn, poison };
};

describe("of whatever JavaScript type the arguments are", () => {
  const methods = [
    "append",
    "appendBatch",
    "checkpoint",
    "truncateBefore",
    "forgetBefore",
    "read",
    "replay",
    "page",
    "headers",
  ] as const;

  test.each(methods)("%s answers with a typed error, and nothing has changed", async (name) => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 5);
    const before = state(journal);
    await fc.assert(
      fc.asyncProperty(fc.array(junk, { maxLength: 3 }), async (given) => {
        fc.pre(!(name.endsWith("Before") && isForgettable(journal, given[0])));
        const error = await outcomeOf(() => untyped(journal, name)(...given));
        if (error !== undefined) expect(error).toBeInstanceOf(LanekeeperError);
        // Junk may happen to be right: a number in range, no options at all.
        else expect(["replay", "page", "headers", "read", "checkpoint"]).toContain(name);
        if (name !== "checkpoint") expect(state(journal)).toEqual(before);
      }),
      { numRuns: RUNS },
    );
    expect(await replayed(journal)).toEqual(texts(1, 5));
    expect(await journal.append(put("on it goes"))).toBe(journal.durableLsn);
    await journal.close();
  });

  test("init, open and openMemory too", async () => {
    // Nothing can be made below a device, so nothing is left behind where the choices happen to be right.
    const isPath = (value: unknown): boolean =>
      typeof value === "string" || value instanceof Uint8Array || value instanceof URL;
    const directories = fc.oneof(
      fc.constant("/dev/null/journal"),
      junk.filter((value) => !isPath(value)),
    );
    await fc.assert(
      fc.asyncProperty(directories, junk, async (directory, choices) => {
        for (const name of ["init", "open"]) {
          const error = await outcomeOf(() => untyped(Journal, name)(directory, choices));
          expect(error).toBeInstanceOf(LanekeeperError);
        }
        const error = await outcomeOf(() => untyped(Journal, "openMemory")(choices));
        expect(error).toBeInstanceOf(LanekeeperError);
      }),
      { numRuns: RUNS },
    );
  });

  test("importWalManager too", async () => {
    const { journal } = await fresh();
    const before = state(journal);
    const sources = fc.oneof(
      junk,
      // Awaiting such an object throws in the source itself, which is told as it is.
      fc
        .array(
          junk.filter((each) => each !== throwing),
          { maxLength: 3 },
        )
        .map(async function* (records) {
          await Promise.resolve();
          yield* records;
        }),
    );
    const importing = importWalManager as Call;
    await fc.assert(
      fc.asyncProperty(sources, fc.oneof(fc.constant(journal), junk), junk, async (...given) => {
        const error = await outcomeOf(() => importing(...given));
        if (error !== undefined) expect(error).toBeInstanceOf(LanekeeperError);
        expect(state(journal)).toEqual(before);
      }),
      { numRuns: RUNS },
    );
  });
});

describe("a mistake is named", () => {
  test.each([
    [
      "a record of WalManager",
      { type: PUT, payload: new Uint8Array(1), tenantId: 7 },
      /no tenantId/,
    ],
    ["text for bytes", { type: PUT, payload: "text" }, /payload must be a Uint8Array, not "text"/],
    [
      "a number for an LSN",
      { type: PUT, payload: new Uint8Array(1), origin: 5 },
      /origin .*bigint/,
    ],
    ["no record", undefined, /record must be an object, not undefined/],
  ])("%s", async (_, record, message) => {
    const { journal } = await fresh();
    const append = untyped(journal, "append")(record) as Promise<unknown>;
    expect((await refusal(append, "USAGE")).message).toMatch(message);
    expect(journal.nextLsn).toBe(1n);
  });

  test.each([
    ["checkpoint", 1, /lsn must be a bigint from 0 to 2\^64 - 1, not the number 1/],
    ["read", "1", /lsn .* not "1"/],
    ["forgetBefore", 2n ** 64n, /lsn .* not the bigint 18446744073709551616/],
    ["page", { limit: 1.5 }, /limit .* not the number 1.5/],
    ["page", { limit: 1, form: 3n }, /no form: it has from, select, signal, limit/],
  ])("in %s", async (name, given, message) => {
    const { journal } = await fresh();
    const called = untyped(journal, name)(given) as Promise<unknown>;
    expect((await refusal(called, "USAGE")).message).toMatch(message);
  });

  test("a select that throws, or promises its answer, is the caller's mistake", async () => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 3);
    const cause = new Error("of the caller");
    const throws = (): boolean => {
      throw cause;
    };
    expect((await refusal(replayed(journal, { select: throws }), "USAGE")).cause).toBe(cause);
    const promises = (() => Promise.reject(cause)) as unknown as () => boolean;
    await refusal(journal.page({ limit: 1, select: promises }), "USAGE");
  });

  test("the highest LSN of 64 bits is in range, and not held", async () => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 3);
    const most = 2n ** 64n - 1n;
    for (const call of [
      () => journal.read(most),
      () => journal.checkpoint(most),
      () => journal.truncateBefore(most),
      () => journal.forgetBefore(most),
      () => journal.page({ from: most, limit: 1 }),
    ]) {
      await refusal(call(), "OUT_OF_SEQUENCE");
    }
    expect(await journal.append(put("", { origin: most }))).toBe(3n);
  });
});

test("what a journal tells is JSON, with bigints as decimal strings", async () => {
  const { journal } = await fresh();
  const batch = await journal.appendBatch([put("one"), put("two")]);
  const truncation = await journal.forgetBefore(2n);
  const { recovery, sizes } = journal;
  const page = await journal.page({ limit: 1 });
  const segments = await journal.segments();
  const told = JSON.parse(
    JSON.stringify({ recovery, sizes, batch, truncation, page, segments }),
  ) as unknown;
  expect(told).toMatchObject({
    recovery: { generation: String(recovery.generation), warnings: [] },
    sizes: { records: "1", bytes: sizes.bytes },
    batch: { first: "1", next: "3" },
    truncation: { records: "1", segments: 0 },
    page: { records: [{ lsn: "2", type: PUT }], next: "3", hasMore: false },
    segments: [{ firstLsn: "2", nextLsn: "3" }],
  });
  expect(structuredClone(sizes)).toEqual(sizes);
});
