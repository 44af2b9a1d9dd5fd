/** Records that were pruned and are retained: which can be read, for how long, and that they are right. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { encodeHead } from "../../src/journal/form/head.js";
import { type LogMap, memoryLogMap } from "../../src/log/map/log-map.js";
import type { NamedRun } from "../../src/log/retention.js";
import {
  bornJournal,
  type JournalChoices,
  newestSegment,
  openJournal,
  type OpenJournal,
  retainedPaths,
  SEGMENT_BYTES,
} from "./kit.js";
import { refusal, turns } from "../node/kit.js";

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 20_263);
const GIB = 1024 ** 3;
/** Four records of this size, each with its truncation, fill a segment: each group takes two blocks. */
const SIZE = 2800;
/** The smallest segment of some tests: much is relocated, and there are many. */
const SMALLEST_BYTES = 40 * 1024;

function payload(name: string, number: bigint, size = SIZE): Uint8Array {
  return Buffer.alloc(size, `${name} ${number} `);
}

/** As text, which is compared at once. */
function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString("latin1");
}

function recordOf(name: string, number: bigint, size = SIZE): string | undefined {
  return textOf(payload(name, number, size));
}

/** A retained record as text, as it is read. */
async function read(
  opened: OpenJournal,
  name: string,
  number: bigint,
): Promise<string | undefined> {
  return textOf(await opened.logs.readRetained(name, number));
}

async function push(opened: OpenJournal, name: string, number: bigint, size = SIZE): Promise<void> {
  await opened.log(name).append({ number, payload: payload(name, number, size) });
}

/** Pushes [from, to) to `name`, and keeps the last alone. */
async function run(opened: OpenJournal, name: string, from: bigint, to: bigint): Promise<void> {
  for (let number = from; number < to; number++) {
    await push(opened, name, number);
    await opened.log(name).truncateBefore(number);
  }
}

/** Every number of [first, next) reads as it was pushed, and the one below is not there. */
async function expectRetained(
  opened: OpenJournal,
  name: string,
  first: bigint,
  next: bigint,
): Promise<void> {
  for (let number = first; number < next; number++) {
    expect(await read(opened, name, number), `${name} ${number}`).toBe(recordOf(name, number));
  }
  expect(opened.logs.retainedFirst(name)).toBe(first);
  expect(await read(opened, name, first - 1n)).toBeUndefined();
  expect(await read(opened, name, next)).toBeUndefined();
}

/** A journal in which 40 records were pushed to "log" and all but the last one pruned. */
async function lived(
  choices: JournalChoices = { retainBytes: GIB },
): Promise<{ readonly disk: SimulatedDisk; readonly opened: OpenJournal }> {
  const disk = await bornJournal();
  const opened = await openJournal(disk, choices);
  opened.log("log");
  await run(opened, "log", 0n, 40n);
  await turns();
  return { disk, opened };
}

describe("how much is retained", () => {
  test("by default nothing: what is pruned cannot be read", async () => {
    const { disk, opened } = await lived({});
    expect(retainedPaths(disk)).toEqual([]);
    expect(opened.logs.retainedFirst("log")).toBe(39n);
    for (const number of [0n, 38n, 39n]) {
      expect(await opened.logs.readRetained("log", number)).toBeUndefined();
    }
  });

  test("as many segments as the budget holds, the oldest dropped first; the same after a restart", async () => {
    const budget = 4 * SEGMENT_BYTES + 100;
    const { disk, opened } = await lived({ retainBytes: budget });
    expect(retainedPaths(disk)).toHaveLength(4);
    const first = opened.logs.retainedFirst("log");
    // Four segments of four records, and what is in the one that is current.
    expect(first).toBeLessThanOrEqual(39n - 16n);
    expect(first).toBeGreaterThan(39n - 24n);
    await expectRetained(opened, "log", first, 39n);
    for (const left of [disk.kill(), disk.kill()]) {
      const again = await openJournal(left, { retainBytes: budget });
      again.log("log");
      const firstAgain = again.logs.retainedFirst("log");
      await again.logs.readRetained("log", 38n);
      expect(again.logs.retainedFirst("log")).toBeLessThanOrEqual(firstAgain);
      // The restart sealed a segment, which takes the place of the oldest.
      expect(again.logs.retainedFirst("log")).toBeLessThanOrEqual(first + 4n);
      await expectRetained(again, "log", again.logs.retainedFirst("log"), 39n);
    }
  });

  test("restarts that write nothing push nothing out", async () => {
    const budget = 3 * SEGMENT_BYTES;
    const { disk, opened } = await lived({ retainBytes: budget });
    await opened.journal.close();
    const begun = await openJournal(disk, { retainBytes: budget });
    begun.log("log");
    await begun.logs.readRetained("log", 38n);
    const first = begun.logs.retainedFirst("log");
    expect(first).toBeLessThan(39n - 8n);
    await begun.journal.close();
    for (let restart = 0; restart < 6; restart++) {
      const again = await openJournal(disk, { retainBytes: budget });
      again.log("log");
      await expectRetained(again, "log", first, 39n);
      await again.journal.close();
    }
  });

  test("a smaller budget at the next opening lets go, and none of all", async () => {
    const { disk, opened } = await lived();
    await expectRetained(opened, "log", 0n, 39n);
    await opened.journal.close();
    for (const [segments, most] of [
      [3, 24n],
      [1, 12n],
      [0, 0n],
    ] as const) {
      const again = await openJournal(disk, { retainBytes: segments * SEGMENT_BYTES });
      again.log("log");
      await again.logs.readRetained("log", 38n);
      const first = again.logs.retainedFirst("log");
      expect(39n - first).toBeLessThanOrEqual(most);
      await expectRetained(again, "log", first, 39n);
      await again.journal.close();
    }
  });

  test("a segment that is emptied by relocation is retained as well: no gap below what is live", async () => {
    const disk = await bornJournal(SMALLEST_BYTES);
    const opened = await openJournal(disk, { segmentBytes: SMALLEST_BYTES, retainBytes: GIB });
    await Promise.all([push(opened, "a", 0n, 2000), push(opened, "log", 0n, 9500)]);
    await opened.log("log").truncateBefore(1n);
    await Promise.all([push(opened, "b", 0n, 2000), push(opened, "log", 1n, 9500)]);
    await opened.log("log").truncateBefore(2n);
    for (let number = 2n; number < 6n; number++) {
      await push(opened, "log", number, 3000);
      await opened.log("log").truncateBefore(number);
      await turns();
    }
    expect(opened.journal.counters.relocated).toBeGreaterThan(0);
    expect(opened.logs.retainedFirst("log")).toBe(0n);
    expect(await read(opened, "log", 0n)).toBe(recordOf("log", 0n, 9500));
    expect(await read(opened, "log", 1n)).toBe(recordOf("log", 1n, 9500));
  });

  test("a budget without end retains all of it: heads leave their segments to records all the same", async () => {
    const disk = await bornJournal();
    let opened = await openJournal(disk, { retainBytes: Number.MAX_SAFE_INTEGER });
    opened.log("log");
    for (let number = 0n; number < 800n; number += 8n) {
      for (let each = number; each < number + 8n; each++) {
        await opened.log("log").append({ number: each, payload: payload("log", each, 5200) });
      }
      await opened.log("log").truncateBefore(number + 7n);
      if (number % 200n === 0n) {
        await opened.journal.close();
        opened = await openJournal(disk, { retainBytes: Number.MAX_SAFE_INTEGER });
      }
      expect(opened.journal.poison).toBeUndefined();
    }
    const { head } = newestSegment(disk);
    expect(head.retainedSlots.length).toBeGreaterThan(150);
    expect(encodeHead(head).length).toBeLessThan(1000);
    expect(opened.journal.payloadBytesMax).toBeGreaterThan(SEGMENT_BYTES / 4);
    await opened.logs.mapMended();
    expect(opened.logs.retainedFirst("log")).toBe(0n);
    expect(await read(opened, "log", 0n)).toBe(recordOf("log", 0n, 5200));
  });
});

describe("what is forgotten", () => {
  test("a reset leaves no gap inside the bounds", async () => {
    const disk = await bornJournal();
    const opened = await openJournal(disk, { retainBytes: GIB });
    for (let number = 0n; number < 6n; number++) await push(opened, "log", number);
    const start = 1n << 40n;
    await opened.log("log").truncateBefore(start);
    expect(opened.logs.retainedFirst("log")).toBe(start);
    await run(opened, "log", start, start + 10n);
    for (const each of [opened, await openJournal(disk.kill(), { retainBytes: GIB })]) {
      each.log("log");
      await expectRetained(each, "log", start, start + 9n);
      expect(await each.logs.readRetained("log", 5n)).toBeUndefined();
    }
  });

  test("of the map no more is asked to be forgotten than it was given", async () => {
    const disk = await bornJournal();
    const given = memoryLogMap(undefined);
    const forgotten: NamedRun[] = [];
    const map: LogMap = {
      ...given,
      write: async (change) => {
        forgotten.push(...(change.forgotten ?? []));
        await given.write({ ...change, forgotten: [] });
      },
    };
    const opened = await openJournal(disk, { retainBytes: 2 * SEGMENT_BYTES, map });
    await push(opened, "log", 0n);
    const start = 1n << 50n;
    await opened.log("log").truncateBefore(start);
    await run(opened, "log", start, start + 40n);
    await turns();
    const numbers = forgotten.reduce((sum, { from, next }) => sum + (next - from), 0n);
    expect(numbers).toBeGreaterThan(20n);
    expect(numbers).toBeLessThanOrEqual(41n);
  });

  test("a dropped log gives nothing, and what is begun under its name has its own alone", async () => {
    const disk = await bornJournal();
    const opened = await openJournal(disk, { retainBytes: GIB });
    await run(opened, "log", 0n, 10n);
    await run(opened, "other", 0n, 10n);
    await opened.drop("log");
    expect(opened.logs.retainedFirst("log")).toBe(0n);
    expect(await opened.logs.readRetained("log", 3n)).toBeUndefined();
    await opened.log("log").truncateBefore(7n);
    await opened.log("log").append({ number: 7n, payload: payload("anew", 7n) });
    await opened.log("log").append({ number: 8n, payload: payload("anew", 8n) });
    await opened.log("log").truncateBefore(8n);
    for (const each of [opened, await openJournal(disk.kill(), { retainBytes: GIB })]) {
      each.log("log");
      each.log("other");
      expect(await read(each, "log", 7n)).toBe(recordOf("anew", 7n));
      expect(await each.logs.readRetained("log", 6n)).toBeUndefined();
      expect(each.logs.retainedFirst("log")).toBe(7n);
      await expectRetained(each, "other", 0n, 9n);
    }
  });

  test("a segment that is sealed while its log is being dropped gives nothing either", async () => {
    const disk = await bornJournal(SMALLEST_BYTES);
    const opened = await openJournal(disk, { segmentBytes: SMALLEST_BYTES, retainBytes: GIB });
    await run(opened, "log", 0n, 3n);
    // The drop is queued behind what makes the journal rotate.
    const filling = [0n, 1n, 2n, 3n].map((number) => push(opened, "other", number));
    for (let each = 0; each < 20; each++) await Promise.resolve();
    await Promise.all([...filling, opened.drop("log")]);
    expect(opened.journal.counters.rotations).toBeGreaterThan(0);
    await opened.log("log").truncateBefore(3n);
    expect(opened.logs.retainedFirst("log")).toBe(3n);
    expect(await opened.logs.readRetained("log", 2n)).toBeUndefined();
    expect(opened.logs.mapWarnings).toEqual([]);
  });
});

describe("a retained record that is damaged", () => {
  test("is an error with its code; then it is not retained any more, and what is live stays", async () => {
    const { disk, opened } = await lived();
    const { logs } = opened;
    const [first] = retainedPaths(disk);
    const at = Buffer.from(disk.readNow(first ?? "")).indexOf("log 2 log 2");
    disk.damage(first ?? "", at + 100, Buffer.from("damage"));
    const error = await refusal(logs.readRetained("log", 2n), "JOURNAL_CORRUPT");
    expect(error.file).toBe(first?.slice(1));
    expect([error.lane, error.blockNumber]).toEqual(["log", 2n]);
    expect(logs.mapWarnings.join("\n")).toMatch(/retained records of segment 2 are lost/);
    const bound = logs.retainedFirst("log");
    expect(bound).toBeGreaterThan(2n);
    await expectRetained(opened, "log", bound, 39n);
    expect(opened.journal.poison).toBeUndefined();
    await opened.journal.close();
  });

  test("in the segment that is current, is that error each time, and does not blame the map", async () => {
    const disk = await bornJournal();
    const opened = await openJournal(disk, { retainBytes: GIB });
    await run(opened, "log", 0n, 3n);
    const { path } = newestSegment(disk);
    const at = Buffer.from(disk.readNow(path)).indexOf("log 1 log 1");
    disk.damage(path, at + 9, Buffer.from("damage"));
    for (let time = 0; time < 3; time++) {
      await refusal(opened.logs.readRetained("log", 1n), "JOURNAL_CORRUPT");
    }
    expect(opened.logs.mapWarnings).toEqual([]);
  });

  test("warnings do not pile up, however often it is asked for", async () => {
    const { disk, opened } = await lived();
    for (const path of retainedPaths(disk)) {
      disk.damage(path, 5000, Buffer.alloc(3000, 0xdd));
      for (let number = 0n; number < 39n; number++) {
        await opened.logs.readRetained("log", number).catch(() => undefined);
      }
    }
    expect(opened.logs.mapWarnings.length).toBeGreaterThan(0);
    expect(opened.logs.mapWarnings.length).toBeLessThanOrEqual(20);
  });

  /** The harm that comes to the third of the retained segments before the next opening. */
  const harms: Readonly<Record<string, (disk: SimulatedDisk, path: string) => unknown>> = {
    "a flipped byte in a record": (disk, path) => disk.damage(path, 6000, Buffer.from("damage")),
    "a flipped byte in its head": (disk, path) => disk.damage(path, 40, Buffer.from("damage")),
    "its end cut off": (disk, path) => disk.shorten(path, 9000),
    emptied: (disk, path) => disk.shorten(path, 0),
    "zeros from end to end": (disk, path) => disk.damage(path, 0, Buffer.alloc(SEGMENT_BYTES)),
    missing: (disk, path) => disk.remove(path),
    "swapped with another": (disk, path) => {
      const other = newestSegment(disk).path;
      disk.damage(path, 0, disk.readNow(retainedPaths(disk).at(0) ?? other));
    },
    "not readable": (disk, path) => {
      disk.fail({ operation: "read", path: path.slice(-8), mode: "from-then-on", nth: 2 });
    },
  };

  test.each(Object.keys(harms))("at open, %s: a warning, and everything else", async (what) => {
    const { disk, opened } = await lived();
    await opened.journal.close();
    const path = retainedPaths(disk).at(2) ?? "";
    await harms[what]?.(disk, path);
    const again = await openJournal(disk, { retainBytes: GIB });
    again.log("log");
    expect(textOf(await again.log("log").readBytes(39n))).toBe(recordOf("log", 39n));
    expect(await read(again, "log", 38n)).toBe(recordOf("log", 38n));
    await again.logs.mapMended();
    // Open reads no payload that is only retained: a damaged one is met when it is read.
    for (let number = 37n; number >= again.logs.retainedFirst("log"); number--) {
      const met = await read(again, "log", number).catch((cause: unknown) => cause);
      if (met !== recordOf("log", number)) expect(met).toMatchObject({ code: "JOURNAL_CORRUPT" });
    }
    const bound = again.logs.retainedFirst("log");
    expect(bound).toBeGreaterThan(8n);
    await expectRetained(again, "log", bound, 39n);
    const warnings = [...again.recovered.warnings, ...again.logs.mapWarnings].join("\n");
    expect(warnings).toMatch(/retained records/);
    disk.heal();
    await run(again, "log", 40n, 60n);
    await expectRetained(again, "log", bound, 59n);
    await again.journal.close();
  });
});

describe("while the map is made anew", () => {
  test("segments may go, and their slots with them", async () => {
    const disk = await bornJournal(SMALLEST_BYTES);
    const opened = await openJournal(disk, { segmentBytes: SMALLEST_BYTES });
    for (let number = 0n; number < 80n; number++) await push(opened, "log", number);
    await opened.journal.close();
    const slots = disk.files().filter(({ path }) => path.endsWith(".seg")).length;
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const given = memoryLogMap(undefined);
    const slow: LogMap = {
      ...given,
      write: async (change) => {
        await held;
        await given.write(change);
      },
    };
    const again = await openJournal(disk, {
      segmentBytes: SMALLEST_BYTES,
      retainBytes: SMALLEST_BYTES,
      map: slow,
    });
    // All of it is pruned when the first segment was read, and the next are not.
    await again.log("log").truncateBefore(79n);
    await run(again, "log", 80n, 90n);
    await turns();
    expect(again.journal.space.slots).toBeLessThan(slots - 10);
    goOn();
    await expectRetained(again, "log", again.logs.retainedFirst("log"), 89n);
    expect(again.logs.mapWarnings).toEqual([]);
    await again.journal.close();
  });
});

describe("a full disk", () => {
  test("takes back what is retained before it refuses anything", async () => {
    const { disk, opened } = await lived();
    disk.capacityBytes = disk.usedBytes;
    const retained = (): number => retainedPaths(disk).length;
    expect(retained()).toBeGreaterThan(5);
    let number = 40n;
    let isFull = false;
    let lowest = 0n;
    while (!isFull) {
      try {
        await push(opened, "log", number);
        number += 1n;
      } catch (cause) {
        expect(cause).toMatchObject({ code: "DISK_FULL" });
        isFull = true;
      }
      const first = opened.logs.retainedFirst("log");
      expect(first).toBeGreaterThanOrEqual(lowest);
      lowest = first;
      if (first < 39n) expect(await opened.logs.readRetained("log", first)).toBeDefined();
    }
    await turns();
    // The slots that were retained hold what is live.
    expect(number).toBeGreaterThan(40n + 20n);
    const dead = opened.journal.readable.filter(
      (segment) => opened.journal.liveRecordsIn(segment).length === 0,
    );
    expect(dead).toEqual([]);
    const again = await openJournal(disk.kill(), { retainBytes: GIB });
    expect([again.log("log").first, again.log("log").next]).toEqual([39n, number]);
  });

  test("without a free slot opens into what is retained, the oldest first", async () => {
    const { disk, opened } = await lived();
    await opened.journal.close();
    const { head, path } = newestSegment(disk);
    const listed = new Set([...head.sealed.map(({ slot }) => slot), ...head.retainedSlots]);
    for (const { path: each } of disk.files()) {
      const slot = Number(/(\d+)\.seg$/.exec(each)?.[1] ?? -1);
      if (slot >= 0 && each !== path && !listed.has(slot)) await disk.remove(each);
    }
    disk.capacityBytes = disk.usedBytes;
    let left = disk;
    for (let restart = 0; restart < 4; restart++) {
      left = left.kill();
      const again = await openJournal(left, { retainBytes: GIB });
      again.log("log");
      expect(await again.log("log").readBytes(39n)).toBeDefined();
      expect(again.journal.space.free).toBe(2);
      const bound = again.logs.retainedFirst("log");
      await expectRetained(again, "log", bound, 39n);
    }
  });
});

interface Pushed {
  readonly life: number;
  readonly sizes: Map<bigint, number>;
}

type Operation =
  | { readonly do: "push"; readonly log: number; readonly sizes: readonly number[] }
  | { readonly do: "prune"; readonly log: number; readonly keep: number }
  | { readonly do: "leap" | "drop"; readonly log: number }
  | { readonly do: "rest" | "reopen" | "kill" };

const log = fc.nat({ max: 3 });
const pushes = fc
  .record({
    log,
    sizes: fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 5 }),
  })
  .map((drawn): Operation => ({ do: "push", ...drawn }));
const prunes = fc
  .record({ log, keep: fc.nat({ max: 4 }) })
  .map((drawn): Operation => ({ do: "prune", ...drawn }));
const restarts = fc.constantFrom<Operation>({ do: "rest" }, { do: "reopen" }, { do: "kill" });
const ends = fc
  .record({ log, do: fc.constantFrom("leap" as const, "drop" as const) })
  .map((drawn): Operation => drawn);

/** A journal with a model of all that was ever pushed. */
class Ground {
  #disk: SimulatedDisk;
  #opened: OpenJournal | undefined;
  readonly #choices: JournalChoices;
  readonly #pushed = new Map<string, Pushed>();

  constructor(disk: SimulatedDisk, choices: JournalChoices) {
    this.#disk = disk;
    this.#choices = choices;
  }

  async open(): Promise<void> {
    this.#opened = await openJournal(this.#disk, this.#choices);
    for (const name of this.#pushed.keys()) this.#opened.log(name);
  }

  async do(operation: Operation): Promise<void> {
    const opened = this.#now;
    switch (operation.do) {
      case "push":
        for (const size of operation.sizes) await this.#push(`log ${operation.log}`, size);
        return;
      case "prune":
      case "leap": {
        const target = opened.log(`log ${operation.log}`);
        this.#life(`log ${operation.log}`);
        const keep = operation.do === "prune" ? BigInt(operation.keep) : -50n;
        const first = target.next - keep;
        if (first > target.first) await target.truncateBefore(first);
        return;
      }
      case "drop": {
        const name = `log ${operation.log}`;
        this.#pushed.set(name, { life: this.#life(name).life + 1, sizes: new Map() });
        await opened.drop(name);
        opened.log(name);
        return;
      }
      case "reopen":
        await opened.journal.close();
        await this.open();
        return;
      case "kill":
        this.#disk = this.#disk.kill();
        await this.open();
        return;
      case "rest":
        await turns(10);
    }
  }

  /** Reads every number that the bounds name, and those just outside of them. */
  async check(): Promise<void> {
    // Reclaiming at rest may shrink the bounds.
    await turns(12);
    const { logs, journal } = this.#now;
    for (const [name, { life, sizes }] of this.#pushed) {
      const { first } = this.#now.log(name);
      await logs.readRetained(name, first - 1n);
      const from = logs.retainedFirst(name);
      expect(from <= first).toBe(true);
      for (let number = from; number < first; number++) {
        const size = sizes.get(number);
        expect(size, `${name} ${number} was pushed`).toBeDefined();
        const found = await read(this.#now, name, number);
        expect(found, `${name} ${number}`).toBe(recordOf(`${name}/${life}`, number, size));
      }
      for (const outside of [from - 1n, from - 2n, first, first + 1n]) {
        expect(await logs.readRetained(name, outside)).toBeUndefined();
      }
    }
    expect(logs.mapWarnings).toEqual([]);
    expect(journal.poison).toBeUndefined();
  }

  /** Whether the bounds reach down to the first record that was ever pushed. */
  isWhole(): boolean {
    return [...this.#pushed.keys()].every((name) => this.#now.logs.retainedFirst(name) === 0n);
  }

  get #now(): OpenJournal {
    if (!this.#opened) throw new Error("the journal is not open");
    return this.#opened;
  }

  async #push(name: string, size: number): Promise<void> {
    const target = this.#now.log(name);
    const { life, sizes } = this.#life(name);
    const number = target.next;
    await target.append({ number, payload: payload(`${name}/${life}`, number, size) });
    sizes.set(number, size);
  }

  #life(name: string): Pushed {
    const pushed = this.#pushed.get(name) ?? { life: 0, sizes: new Map<bigint, number>() };
    this.#pushed.set(name, pushed);
    return pushed;
  }
}

describe("any history", () => {
  const report = { numRuns: 25, seed: SEED, endOnFailure: true } as const;

  test.each([2, 6])(
    `what the bounds name reads as it was pushed, and nothing else does (%d segments, seed ${SEED})`,
    async (segments) => {
      const operations = fc.array(
        fc.oneof(
          { weight: 10, arbitrary: pushes },
          { weight: 6, arbitrary: prunes },
          { weight: 1, arbitrary: ends },
          { weight: 2, arbitrary: restarts },
        ),
        { minLength: 20, maxLength: 60, size: "max" },
      );
      await fc.assert(
        fc.asyncProperty(operations, async (drawn) => {
          const choices = { retainBytes: segments * SEGMENT_BYTES };
          const ground = new Ground(await bornJournal(), choices);
          await ground.open();
          for (const [at, operation] of drawn.entries()) {
            await ground.do(operation);
            if (at % 12 === 11) await ground.check();
          }
          await ground.check();
          await ground.do({ do: "kill" });
          await ground.check();
        }),
        report,
      );
    },
  );

  test(`with a budget for all of it, all that was ever pushed can be read (seed ${SEED})`, async () => {
    const operations = fc.array(
      fc.oneof(
        { weight: 10, arbitrary: pushes },
        { weight: 8, arbitrary: prunes },
        { weight: 2, arbitrary: restarts },
      ),
      { minLength: 20, maxLength: 60, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(operations, async (drawn) => {
        const ground = new Ground(await bornJournal(), { retainBytes: GIB });
        await ground.open();
        for (const [at, operation] of drawn.entries()) {
          await ground.do(operation);
          if (at % 20 !== 19) continue;
          await ground.check();
          expect(ground.isWhole()).toBe(true);
        }
        await ground.do({ do: "kill" });
        await ground.check();
        expect(ground.isWhole()).toBe(true);
      }),
      report,
    );
  });
});
