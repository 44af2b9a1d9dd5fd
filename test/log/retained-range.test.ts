/** Ranges of retained records: what they hold, where they end, and that they wait for no more than they read. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RetainedRange } from "../../src/log/retained-range.js";
import { type LogMap, memoryLogMap } from "../../src/log/map/log-map.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { bornJournal, openJournal, type OpenJournal, retainedPaths, SEGMENT_BYTES } from "./kit.js";
import { refusal, turns } from "../node/kit.js";

const GIB = 1024 ** 3;
const NUMBERS = 60n;
function payload(name: string, number: bigint): Uint8Array {
  return Buffer.from(`${name} ${number} `.repeat(Number((number * 37n) % 300n) + 1));
}

/** Two logs of 60 records each, of which the last one is live, in some twenty segments. */
async function lived(map?: LogMap): Promise<{ disk: SimulatedDisk; opened: OpenJournal }> {
  const disk = await bornJournal();
  const opened = await openJournal(disk, { retainBytes: GIB, ...(map ? { map } : {}) });
  for (let number = 0n; number < NUMBERS; number++) {
    for (const name of ["one", "two"]) {
      await opened.log(name).append({ number, payload: payload(name, number) });
      await opened.log(name).truncateBefore(number);
    }
  }
  await turns();
  return { disk, opened };
}

/** The numbers of a range, each with the payload that was pushed. */
async function numbersIn(
  { logs }: OpenJournal,
  name: string,
  range: RetainedRange = {},
): Promise<bigint[]> {
  const numbers: bigint[] = [];
  for await (const { number, bytes } of logs.readRetainedRange(name, range)) {
    expect(Buffer.compare(bytes, payload(name, number))).toBe(0);
    numbers.push(number);
  }
  return numbers;
}

const upTo = (from: bigint, next: bigint): bigint[] =>
  Array.from({ length: Math.max(0, Number(next - from)) }, (_, at) => from + BigInt(at));

describe("a range", () => {
  test("without bounds is all that is retained, below the first live record", async () => {
    const { opened } = await lived();
    expect(await numbersIn(opened, "one")).toEqual(upTo(0n, NUMBERS - 1n));
    expect(await numbersIn(opened, "three")).toEqual([]);
  });

  test("with bounds is what lies within both of them", async () => {
    const { opened } = await lived();
    const bound = fc.option(fc.bigInt(0n, NUMBERS + 5n), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(bound, bound, async (from, next) => {
        const last = next !== undefined && next < NUMBERS - 1n ? next : NUMBERS - 1n;
        expect(await numbersIn(opened, "two", { from, next })).toEqual(upTo(from ?? 0n, last));
      }),
      { numRuns: 60 },
    );
  });

  test("goes on through the segment that is not sealed yet", async () => {
    const { opened } = await lived();
    const { records } = { records: opened.journal.currentRecords };
    expect(records.length).toBeGreaterThan(2);
    const [first] = records.filter(({ name }) => name === "one");
    const from = (first?.number ?? 0n) - 3n;
    expect(await numbersIn(opened, "one", { from })).toEqual(upTo(from, NUMBERS - 1n));
  });

  test("ends with OUT_OF_SEQUENCE where its next record was given up meanwhile", async () => {
    const disk = await bornJournal();
    const opened = await openJournal(disk, { retainBytes: 3 * SEGMENT_BYTES });
    const push = async (number: bigint): Promise<void> => {
      await opened.log("one").append({ number, payload: Buffer.alloc(3000, `${number} `) });
      await opened.log("one").truncateBefore(number);
    };
    for (let number = 0n; number < 20n; number++) await push(number);
    const reading = opened.logs.readRetainedRange("one", {});
    const { value } = await reading.next();
    for (let number = 20n; number < 60n; number++) await push(number);
    await turns();
    const rest = async (): Promise<void> => {
      for await (const { number } of reading) expect(number).toBeLessThan(20n);
    };
    const error = await refusal(rest(), "OUT_OF_SEQUENCE");
    expect(error.message).toMatch(/given up/);
    expect(value).toMatchObject({ number: expect.any(BigInt) as bigint });
  });

  test("a damaged record in it is an error that names it; what lies before it comes first", async () => {
    const { disk, opened } = await lived();
    const file = retainedPaths(disk).at(1) ?? "";
    const bytes = Buffer.from(disk.readNow(file));
    const number =
      upTo(0n, NUMBERS).find((each) => bytes.includes(`one ${each} one ${each} `)) ?? 0n;
    disk.damage(file, bytes.indexOf(`one ${number} one`) + 3, Buffer.from("damage"));
    const seen: bigint[] = [];
    const reading = (async () => {
      for await (const each of opened.logs.readRetainedRange("one", {})) seen.push(each.number);
    })();
    const error = await refusal(reading, "JOURNAL_CORRUPT");
    expect([error.lane, error.blockNumber]).toEqual(["one", number]);
    expect(seen).toEqual(upTo(0n, number));
  });

  test("its signal ends it, before it and within it", async () => {
    const { opened } = await lived();
    const aborting = new AbortController();
    const { signal } = aborting;
    const reading = opened.logs.readRetainedRange("one", { signal });
    expect((await reading.next()).value).toMatchObject({ number: 0n });
    aborting.abort();
    await refusal(reading.next(), "ABORTED");
    await refusal(opened.logs.readRetainedRange("one", { signal }).next(), "ABORTED");
  });

  test("of a closed store is CLOSED", async () => {
    const { opened } = await lived();
    const reading = opened.logs.readRetainedRange("one", {});
    await opened.journal.close();
    await refusal(reading.next(), "CLOSED");
  });
});

describe("after a kill, while the map is mended", () => {
  /** A map whose writes wait, once the first of them was asked for. */
  function heldMap(): { map: LogMap; goOn: () => void } {
    const given = memoryLogMap(undefined);
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const write: LogMap["write"] = async (change) => {
      await held;
      await given.write(change);
    };
    return { map: { ...given, write }, goOn };
  }

  test("a read does not wait for the rest: it finds its segment by the heads", async () => {
    const { disk } = await lived();
    const { map, goOn } = heldMap();
    const again = await openJournal(disk.kill(), { retainBytes: GIB, map });
    for (const name of ["one", "two"]) {
      again.log(name);
      for (const number of [7n, 0n, 30n, NUMBERS - 2n]) {
        const bytes = await again.logs.readRetained(name, number);
        expect(bytes && Buffer.compare(bytes, payload(name, number))).toBe(0);
      }
    }
    expect(await numbersIn(again, "two", { from: 11n, next: 29n })).toEqual(upTo(11n, 29n));
    expect(again.logs.retainedFirst("one")).toBeGreaterThan(0n);
    goOn();
    await again.logs.mapMended();
    expect(again.logs.retainedFirst("one")).toBe(0n);
    expect(await numbersIn(again, "one")).toEqual(upTo(0n, NUMBERS - 1n));
    expect(again.logs.mapWarnings).toEqual([]);
    await again.journal.close();
  });

  test("what was never there is said to be, once all was looked at", async () => {
    const { disk } = await lived();
    const { map, goOn } = heldMap();
    const again = await openJournal(disk.kill(), { retainBytes: GIB, map });
    again.log("one");
    expect(await again.logs.readRetained("one", NUMBERS + 3n)).toBeUndefined();
    expect(await again.logs.readRetained("one", -1n)).toBeUndefined();
    expect(await again.logs.readRetained("never", 3n)).toBeUndefined();
    goOn();
    await again.journal.close();
  });

  test("the segments may be released under it", async () => {
    const { disk } = await lived();
    const { map, goOn } = heldMap();
    const again = await openJournal(disk.kill(), { retainBytes: 2 * SEGMENT_BYTES, map });
    for (const name of ["one", "two"]) again.log(name);
    for (let number = NUMBERS; number < NUMBERS + 40n; number++) {
      for (const name of ["one", "two"]) {
        await again.log(name).append({ number, payload: payload(name, number) });
        await again.log(name).truncateBefore(number);
      }
    }
    expect(await again.logs.readRetained("one", 7n).catch(() => "late")).toBeOneOf([
      undefined,
      "late",
    ]);
    goOn();
    await again.logs.mapMended();
    const first = again.logs.retainedFirst("one");
    expect(await numbersIn(again, "one")).toEqual(upTo(first, NUMBERS + 39n));
    await again.journal.close();
  });
});
