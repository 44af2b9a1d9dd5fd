/**
 * D9: disk use follows what is kept, never the history, whatever mix of fast, slow, stopped and dropped
 * logs, of tiny and large records, and of restarts made it; and a disk that is full opens all the same.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { RECORD_HEADER_BYTES, slotName } from "../../../src/journal/form/records.js";
import { SPARE_SLOTS } from "../../../src/journal/space/slots.js";
import { groupBytes } from "../../../src/journal/form/group-size.js";
import { PersisterError } from "../../../src/types/errors.js";
import { turns } from "../../node/kit.js";
import { campaignSize } from "../../scale.js";
import {
  all,
  bornJournal,
  DIRECTORY,
  type JournalChoices,
  openJournal,
  type OpenJournal,
  SEGMENT_BYTES,
} from "../kit.js";

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 20_262);
const FLOOR_SLOTS = 4;
/** Of a segment of this size head and reserve are a small part, as they are of real ones. */
const LARGER_SEGMENT_BYTES = 128 * 1024;
/** Nearly all that a segment of the smallest size takes, and half of it. */
const FULL = 11_800;
const HALF = 6000;

function payload(name: string, number: bigint, size: number): Uint8Array {
  return Buffer.alloc(size, `${name} ${number} `);
}

/** The records of a log that were acknowledged. */
class Kept {
  readonly sizes: number[] = [];
  first = 0n;
  /** Above `next` while appends are on their way. */
  begun = 0n;

  get next(): bigint {
    return this.first + BigInt(this.sizes.length);
  }

  /** With PAD and footer, as if each record were a group of its own. */
  get bytes(): number {
    return this.sizes.reduce(
      (sum, size) => sum + groupBytes({ records: RECORD_HEADER_BYTES + size, names: 0 }),
      0,
    );
  }

  texts(name: string): string[] {
    return this.sizes.map((size, at) =>
      Buffer.from(payload(name, this.first + BigInt(at), size)).toString("latin1"),
    );
  }
}

type Operation =
  | { readonly do: "append"; readonly log: number; readonly sizes: readonly number[] }
  | { readonly do: "burst"; readonly appends: readonly (readonly [log: number, size: number])[] }
  | { readonly do: "truncate"; readonly log: number; readonly keep: number }
  | { readonly do: "leap"; readonly log: number; readonly by: number }
  | { readonly do: "drop"; readonly log: number }
  | { readonly do: "rest" | "reopen" | "kill" };

const LOGS = 6;
const log = fc.nat({ max: LOGS - 1 });
const tiny = fc.integer({ min: 0, max: 300 });
/** Up to what fills a segment of the smallest size. */
const anySize = fc.oneof(
  { weight: 5, arbitrary: tiny },
  { weight: 3, arbitrary: fc.integer({ min: 1000, max: HALF }) },
  { weight: 2, arbitrary: fc.constantFrom(HALF, FULL - 2500, FULL) },
);
/** Up to a fifth of a larger segment: those that waste more of it by their size are above the bound. */
const fifths = fc.oneof(
  { weight: 4, arbitrary: tiny },
  { weight: 4, arbitrary: fc.integer({ min: 1000, max: 26_000 }) },
);

const operations = (size: fc.Arbitrary<number>): fc.Arbitrary<readonly Operation[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 12,
        arbitrary: fc
          .record({ log, sizes: fc.array(size, { minLength: 1, maxLength: 4 }) })
          .map((drawn): Operation => ({ do: "append", ...drawn })),
      },
      {
        weight: 6,
        arbitrary: fc
          .array(fc.tuple(log, size), { minLength: 2, maxLength: 12, size: "max" })
          .map((appends): Operation => ({ do: "burst", appends })),
      },
      {
        weight: 9,
        arbitrary: fc
          .record({ log, keep: fc.nat({ max: 3 }) })
          .map((drawn): Operation => ({ do: "truncate", ...drawn })),
      },
      {
        weight: 1,
        arbitrary: fc
          .record({ log, by: fc.nat({ max: 1000 }) })
          .map((drawn): Operation => ({ do: "leap", ...drawn })),
      },
      { weight: 1, arbitrary: log.map((at): Operation => ({ do: "drop", log: at })) },
      {
        weight: 4,
        arbitrary: fc.constantFrom<Operation>({ do: "rest" }, { do: "reopen" }, { do: "kill" }),
      },
    ),
    { minLength: 20, maxLength: 70, size: "max" },
  );

/** A journal under the hand of a model that knows what is kept. */
class Ground {
  readonly kept = new Map<string, Kept>();
  readonly refused: string[] = [];
  slotsMost = 0;
  #disk: SimulatedDisk;
  #opened: OpenJournal | undefined;
  readonly #retainBytes: number;
  /** The segment size of the next opening. */
  segmentBytes: number;

  constructor(
    disk: SimulatedDisk,
    choices: Pick<JournalChoices, "segmentBytes" | "retainBytes"> = {},
  ) {
    this.#disk = disk;
    this.segmentBytes = choices.segmentBytes ?? SEGMENT_BYTES;
    this.#retainBytes = choices.retainBytes ?? 0;
  }

  get opened(): OpenJournal {
    if (!this.#opened) throw new Error("the journal is not open");
    return this.#opened;
  }

  get disk(): SimulatedDisk {
    return this.#disk;
  }

  get liveBytes(): number {
    return [...this.kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async open(): Promise<void> {
    const { segmentBytes } = this;
    this.#opened = await openJournal(this.#disk, { segmentBytes, retainBytes: this.#retainBytes });
    if (this.#isRoomy) expect(this.opened.journal.space.free).toBeGreaterThanOrEqual(SPARE_SLOTS);
  }

  async do(operation: Operation): Promise<void> {
    switch (operation.do) {
      case "append":
        for (const each of operation.sizes) {
          await this.#append(operation.log, each);
          const { kept } = this.#log(operation.log);
          kept.begun = kept.next;
        }
        return;
      case "burst":
        await Promise.all(operation.appends.map(([at, each]) => this.#append(at, each)));
        for (const kept of this.kept.values()) kept.begun = kept.next;
        return;
      case "truncate": {
        const { name, kept } = this.#log(operation.log);
        const gone = Math.max(0, kept.sizes.length - operation.keep);
        await this.#truncate(name, kept.first + BigInt(gone));
        return;
      }
      case "leap": {
        const { name, kept } = this.#log(operation.log);
        await this.#truncate(name, kept.next + BigInt(operation.by));
        return;
      }
      case "drop": {
        const { name } = this.#log(operation.log);
        this.kept.delete(name);
        await this.opened.drop(name);
        return;
      }
      case "reopen":
        await this.opened.journal.close();
        await this.open();
        return;
      case "kill":
        this.#disk = this.#disk.kill();
        await this.open();
        return;
      case "rest":
        await turns(12);
    }
  }

  /** Whether everything that is kept is there, and nothing besides. */
  async check(): Promise<void> {
    for (const [name, kept] of this.kept) {
      const found = this.opened.log(name);
      expect([name, found.first, found.next]).toEqual([name, kept.first, kept.next]);
      expect((await all(found)).map(brief)).toEqual(kept.texts(name).map(brief));
    }
    expect(this.opened.journal.poison).toBeUndefined();
  }

  /** The bound of D9, at rest; what it says beside the bytes is for whoever reads a failure. */
  checkBound(): void {
    const { slots, bytes, free, segmentBytes } = this.opened.journal.space;
    this.slotsMost = Math.max(this.slotsMost, slots);
    const retained = Math.min(this.#retainBytes, this.#deadBytes());
    const bound = 1.5 * (this.liveBytes + retained) + (FLOOR_SLOTS + 1) * segmentBytes;
    const use = { bytes, slots, free, live: this.liveBytes, retained };
    expect({ ...use, isWithin: bytes <= bound }).toEqual({
      ...use,
      isWithin: true,
    });
    expect(free).toBeGreaterThanOrEqual(SPARE_SLOTS);
  }

  get #isRoomy(): boolean {
    return this.#disk.capacityBytes === Number.POSITIVE_INFINITY;
  }

  #deadBytes(): number {
    const { journal } = this.opened;
    const dead = journal.readable.filter((segment) => journal.liveRecordsIn(segment).length === 0);
    const bytesOf = (slot: number): number =>
      this.#disk.readNow(`${DIRECTORY}/journal/${slotName(slot)}`).length;
    return dead.reduce((sum, { slot }) => sum + bytesOf(slot), 0);
  }

  #log(at: number): { readonly name: string; readonly kept: Kept } {
    const name = `log ${at}`;
    const kept = this.kept.get(name) ?? new Kept();
    this.kept.set(name, kept);
    return { name, kept };
  }

  async #append(at: number, bytes: number): Promise<void> {
    const { name, kept } = this.#log(at);
    const number = kept.begun++;
    const { journal } = this.opened;
    const { rotations } = journal.counters;
    const record = { number, payload: payload(name, number, bytes) };
    if (!(await this.#tried(this.opened.log(name).append(record)))) return;
    expect(number).toBe(kept.next);
    kept.sizes.push(bytes);
    const hasRotated = journal.counters.rotations > rotations;
    if (hasRotated && this.#isRoomy) {
      expect(journal.space.free).toBeGreaterThanOrEqual(SPARE_SLOTS);
    }
  }

  async #truncate(name: string, first: bigint): Promise<void> {
    const kept = this.kept.get(name);
    if (!kept || first <= kept.first) return;
    if (!(await this.#tried(this.opened.log(name).truncateBefore(first)))) return;
    kept.sizes.splice(0, Number(first - kept.first));
    kept.first = first;
    kept.begun = kept.next;
  }

  /** Whether it was done; a full disk refuses, and nothing else may. */
  async #tried(work: Promise<void>): Promise<boolean> {
    try {
      await work;
      return true;
    } catch (cause) {
      if (!(cause instanceof PersisterError && cause.code === "DISK_FULL")) throw cause;
      this.refused.push(cause.message);
      return false;
    }
  }
}

function brief(each: string): string {
  return `${each.slice(0, 16)}.. ${each.length}`;
}

const RUNS = campaignSize(60, "LANEKEEPER_RUNS");
const report = { numRuns: RUNS, seed: SEED, endOnFailure: true } as const;

test.each([0, 3 * LARGER_SEGMENT_BYTES])(
  `any mix at rest is within the bound, with two spares (retained: %d bytes, seed ${SEED})`,
  async (retainBytes) => {
    await fc.assert(
      fc.asyncProperty(operations(fifths), async (drawn) => {
        const segmentBytes = LARGER_SEGMENT_BYTES;
        const ground = new Ground(await bornJournal(segmentBytes), { segmentBytes, retainBytes });
        await ground.open();
        for (const operation of drawn) {
          await ground.do(operation);
          if (!["rest", "reopen", "kill"].includes(operation.do)) continue;
          await turns(12);
          ground.checkBound();
        }
        await turns(12);
        ground.checkBound();
        await ground.check();
        await ground.do({ do: "kill" });
        await ground.check();
      }),
      report,
    );
  },
);

describe("a long history", () => {
  test("slots do not grow with it: as many after 1500 records as after 300", async () => {
    const ground = new Ground(await bornJournal());
    await ground.open();
    const most: number[] = [];
    for (let part = 0; part < 5; part++) {
      ground.slotsMost = 0;
      for (let round = 0; round < 50; round++) {
        for (let at = 0; at < LOGS; at++) {
          // One is fast, one half as fast, and so on; one has stopped, one is dropped now and then.
          if (at === 0 && part > 0) continue;
          if (at > 0 && round % at > 0) continue;
          await ground.do({ do: "append", log: at, sizes: [(round * 97 + at * 1013) % 4000] });
          await ground.do({ do: "truncate", log: at, keep: at });
        }
        if (round % 17 === 16) await ground.do({ do: "drop", log: 3 });
        if (round % 11 === 10) await ground.do({ do: round % 2 === 0 ? "reopen" : "kill" });
        await turns(4);
        ground.checkBound();
      }
      most.push(ground.slotsMost);
      await ground.check();
    }
    expect(Math.max(...most)).toBeLessThanOrEqual(7);
    expect(most.at(-1)).toBeLessThanOrEqual(most[0] ?? 0);
  });

  test("restarts alone, with a record each, use nothing up", async () => {
    const ground = new Ground(await bornJournal());
    await ground.open();
    for (let restart = 0; restart < 60; restart++) {
      await ground.do({ do: "append", log: restart % LOGS, sizes: [100] });
      await ground.do({ do: restart % 2 === 0 ? "kill" : "reopen" });
      expect(ground.opened.journal.space.free).toBeGreaterThanOrEqual(SPARE_SLOTS);
      await turns(4);
      ground.checkBound();
    }
    await ground.check();
  });

  test("groups that fill whole segments leave stragglers their room, also with nobody resting", async () => {
    const ground = new Ground(await bornJournal());
    await ground.open();
    let slots = 0;
    for (let round = 0; round < 50; round++) {
      const stopped = 10 + round;
      await ground.do({
        do: "burst",
        appends: [
          [stopped, 600],
          [0, FULL - 1500],
        ],
      });
      await ground.do({ do: "truncate", log: 0, keep: 1 });
      slots = Math.max(slots, ground.opened.journal.space.slots);
    }
    expect(ground.refused).toEqual([]);
    expect(slots).toBeLessThanOrEqual(Math.ceil(4 + (1.5 * ground.liveBytes) / SEGMENT_BYTES) + 1);
    await ground.check();
  });
});

describe("a disk of fixed capacity", () => {
  /** Fills the journal until it refuses. */
  async function filled(ground: Ground, sizes: readonly number[]): Promise<void> {
    for (let at = 0; ground.refused.length === 0; at++) {
      await ground.do({ do: "append", log: at % LOGS, sizes: [sizes[at % sizes.length] ?? 0] });
      if (at > 2000) throw new Error("the disk never filled up");
    }
  }

  async function small(spare: number, retainBytes = 0): Promise<Ground> {
    const disk = await bornJournal();
    disk.capacityBytes = disk.usedBytes + spare * SEGMENT_BYTES;
    const ground = new Ground(disk, { retainBytes });
    await ground.open();
    return ground;
  }

  test.each([
    ["tiny records", [60]],
    ["large records", [HALF, 200]],
    ["records that fill a segment", [FULL]],
    ["all of them", [FULL, 30, HALF, 900, 0, 2400]],
  ] as const)("%s: full, it opens again and again, prunes, and goes on", async (_, sizes) => {
    const ground = await small(11);
    await filled(ground, sizes);
    for (let restart = 0; restart < 12; restart++) {
      await ground.do({ do: restart % 2 === 0 ? "kill" : "reopen" });
      await ground.check();
      await ground.do({ do: "append", log: restart % LOGS, sizes: [40] });
      await turns(6);
    }
    for (let at = 0; at < LOGS; at++) await ground.do({ do: "truncate", log: at, keep: 1 });
    await turns(12);
    await ground.do({ do: "kill" });
    await ground.check();
    const refusals = ground.refused.length;
    for (let at = 0; at < LOGS; at++) await ground.do({ do: "append", log: at, sizes: [HALF] });
    expect(ground.refused.length).toBe(refusals);
    await turns(12);
    // A segment of the smallest size that holds such a record is half empty, by its head and reserve.
    if (!sizes.some((size) => size === FULL)) ground.checkBound();
    await ground.check();
  });

  test(`any mix on it loses nothing, poisons nothing, and never refuses to open (seed ${SEED})`, async () => {
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        operations(anySize),
        async (spare, drawn) => {
          const ground = await small(spare);
          for (const operation of drawn) await ground.do(operation);
          await ground.check();
          await ground.do({ do: "kill" });
          await ground.check();
          refusals += ground.refused.length;
          // With all of it forgotten there is room again.
          for (let at = 0; at < LOGS; at++) await ground.do({ do: "truncate", log: at, keep: 0 });
          await ground.do({ do: "kill" });
          const before = ground.refused.length;
          await ground.do({ do: "append", log: 0, sizes: [FULL] });
          await ground.do({ do: "append", log: 1, sizes: [FULL] });
          expect(ground.refused.length).toBe(before);
          await ground.check();
        },
      ),
      report,
    );
    expect(refusals).toBeGreaterThan(RUNS);
  });

  test("restarts while it is full, after groups that fill segments beside stragglers", async () => {
    const ground = await small(8);
    for (let round = 0; ground.refused.length === 0 && round < 200; round++) {
      await ground.do({
        do: "burst",
        appends: [
          [10 + round, 2000],
          [0, FULL - 2300],
        ],
      });
      if (round > 4) await ground.do({ do: "truncate", log: 0, keep: 1 });
    }
    expect(ground.refused.length).toBeGreaterThan(0);
    for (let restart = 0; restart < 6; restart++) {
      await ground.do({ do: "kill" });
      await ground.check();
    }
  });

  // The reserve holds the truncations of two anchors of a large committee, and they leave every segment
  // more than half live: no straggler makes room at once.
  test("pruning goes on, however many logs an anchor truncates", async () => {
    const segmentBytes = 64 * 1024;
    const disk = await bornJournal(segmentBytes);
    disk.capacityBytes = disk.usedBytes + 3 * segmentBytes;
    const opened = await openJournal(disk, { segmentBytes });
    const names = Array.from({ length: 150 }, (_, at) => `log ${at}`);
    // Log by log, so that no segment dies before the last truncations.
    const write = async (name: string): Promise<boolean> => {
      const number = opened.log(name).next;
      const [ended] = await Promise.allSettled([
        opened.log(name).append({ number, payload: payload(name, number, 100) }),
      ]);
      return ended?.status === "fulfilled";
    };
    for (const name of names) for (let count = 0; count < 8; count++) await write(name);
    while (await write("log 0"));
    for (let first = 1n; first <= 8n; first++) {
      await Promise.all(names.map((name) => opened.log(name).truncateBefore(first)));
      await turns(4);
    }
  });

  test("logs with long names make heads grow; it opens all the same", async () => {
    const ground = await small(6);
    const name = (at: number): string => `${"n".repeat(200)} ${at}`;
    for (let at = 0; at < 40; at++) {
      const first = ground.opened.log(name(at));
      try {
        await first.append({ number: 0n, payload: payload("x", 0n, 5200) });
      } catch (cause) {
        if (!(cause instanceof PersisterError)) throw cause;
        expect(cause.code).toBe("DISK_FULL");
      }
    }
    for (let restart = 0; restart < 8; restart++) {
      await ground.do({ do: "kill" });
      for (let at = 0; at < 40; at++) {
        const each = ground.opened.log(name(at));
        if (each.next === 0n) continue;
        expect(await each.readBytes(0n)).toHaveLength(5200);
        await each.truncateBefore(restart === 7 ? 1n : 0n);
      }
    }
  });
});

test(`slots of any size, as each opening chooses: nothing is lost, nothing refused (seed ${SEED})`, async () => {
  const sizes = fc.array(fc.constantFrom(40, 48, 64, 128), { minLength: 6, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(sizes, operations(anySize), async (kibs, drawn) => {
      const ground = new Ground(await bornJournal());
      await ground.open();
      const part = Math.ceil(drawn.length / kibs.length);
      for (const [at, kib] of kibs.entries()) {
        for (const operation of drawn.slice(at * part, (at + 1) * part)) await ground.do(operation);
        ground.segmentBytes = kib * 1024;
        await ground.do({ do: at % 2 === 0 ? "kill" : "reopen" });
        await ground.check();
      }
      expect(ground.refused).toEqual([]);
    }),
    report,
  );
});
