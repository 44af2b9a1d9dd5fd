/**
 * D9 on a disk that stays full: a rotation may use a spare only where no crash, and no crash of the opens
 * that follow, leaves an open without a slot to begin in; and orders always find room.
 */
import { describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { BLOCK_BYTES, RECORD_HEADER_BYTES, slotName } from "../../../src/journal/form/records.js";
import { SPARE_SLOTS } from "../../../src/journal/space/slots.js";
import { PersisterError } from "../../../src/types/errors.js";
import { turns } from "../../node/kit.js";
import {
  all,
  bornJournal,
  DIRECTORY,
  newestSegment,
  openJournal,
  type OpenJournal,
  SEGMENT_BYTES,
} from "../kit.js";
import { ONE_IN } from "../../scale.js";

/** The group of one record takes nearly all of a segment of the smallest size; so do those of two. */
const WHOLE = [11_800];
const PARTS = [7800, 3500];
/** All that it takes, to the byte: no group has a PAD. */
const BRIM = [2 * BLOCK_BYTES - RECORD_HEADER_BYTES, BLOCK_BYTES - RECORD_HEADER_BYTES];
/** Orders that go at once: more than the reserve of a segment holds. */
const WAVE = 900n;

/** Whether a record of `bytes` found room. */
async function append({ log }: OpenJournal, bytes: number): Promise<boolean> {
  const number = log().appendNext;
  try {
    await log().append({ number, payload: Buffer.alloc(bytes, `${number} `) });
    return true;
  } catch (cause) {
    if (!(cause instanceof PersisterError && cause.code === "DISK_FULL")) throw cause;
    return false;
  }
}

/** Appends records of these sizes, in turn, until the disk is full; the first leaves room for an OPEN. */
async function fill(opened: OpenJournal, sizes: readonly number[]): Promise<void> {
  const opening = opened.log().next === 0n ? RECORD_HEADER_BYTES + opened.log().name.length : 0;
  for (let at = 0; at < 99; at++) {
    const bytes = sizes[at % sizes.length] ?? 0;
    if (!(await append(opened, at === 0 ? bytes - opening : bytes))) break;
  }
  await turns(12);
}

/** Orders that free nothing, all at once: they only raise the start of an empty log. */
async function wave({ log }: OpenJournal, count = WAVE): Promise<void> {
  const orders = log("orders");
  const from = orders.next;
  const ended: Promise<void>[] = [];
  for (let start = from + 1n; start <= from + count; start++)
    ended.push(orders.truncateBefore(start));
  await Promise.all(ended);
}

async function fullDisk(sizes: readonly number[], retainBytes = 0): Promise<SimulatedDisk> {
  const disk = await bornJournal();
  disk.capacityBytes = disk.usedBytes + 3 * SEGMENT_BYTES;
  const opened = await openJournal(disk, { retainBytes });
  await fill(opened, sizes);
  expect(opened.journal.space.free).toBe(SPARE_SLOTS);
  return disk;
}

/** The records that were acknowledged before a crash. */
interface Acked {
  readonly first: bigint;
  readonly next: bigint;
  readonly orders: bigint;
}

function ackedBy({ log }: OpenJournal): Acked {
  return { first: log().first, next: log().next, orders: log("orders").first };
}

async function expectHeld(disk: SimulatedDisk, acked: Acked): Promise<void> {
  const opened = await openJournal(disk);
  const found = ackedBy(opened);
  expect(found.first).toBeGreaterThanOrEqual(acked.first);
  expect(found.next).toBeGreaterThanOrEqual(acked.next);
  expect(found.orders).toBeGreaterThanOrEqual(acked.orders);
  const numbers = (await all(opened.log())).map((each) => BigInt(Number.parseInt(each, 10)));
  expect(numbers[0] ?? found.next).toBe(found.first);
  expect(numbers).toHaveLength(Number(found.next - found.first));
}

/** The disk after a crash now: a killed process, or a torn power cut. */
function crashed(disk: SimulatedDisk, step: number): SimulatedDisk {
  const torn = step % 2 === 0 ? undefined : [...disk.powerCuts(step, 3)].at(-1);
  return torn ?? disk.kill();
}

/** Opens with a crash at each step of it, and then what that leaves. */
async function openWithCrashes(left: SimulatedDisk, acked: Acked): Promise<void> {
  for (let step = 1; ; step += ONE_IN) {
    const disk = left.kill();
    disk.crashAt(step);
    await Promise.race([openJournal(disk), disk.stopped]);
    if (!disk.isStopped) break;
    await expectHeld(crashed(disk, step), acked);
  }
}

/** A journal, what it does, and behind which of its steps the opens are crashed too: one in so many. */
interface Run {
  readonly prepared: () => Promise<{ readonly disk: SimulatedDisk; readonly opened: OpenJournal }>;
  readonly work: (opened: OpenJournal) => Promise<unknown>;
  readonly nestedIn: number;
}

/** Crashes it at each step of its work. */
async function crashEverywhere({ prepared, work, nestedIn }: Run): Promise<OpenJournal> {
  for (let step = 1; ; step += ONE_IN) {
    const { disk, opened } = await prepared();
    disk.crashAt(disk.steps + step);
    await Promise.race([work(opened), disk.stopped]);
    if (!disk.isStopped) return opened;
    const acked = ackedBy(opened);
    for (const left of [crashed(disk, 2 * step), crashed(disk, 2 * step + 1)]) {
      if (step % nestedIn === 0) await openWithCrashes(left, acked);
      await expectHeld(left, acked);
    }
  }
}

describe("a crash at each step, and at each step of the open behind it, leaves a store that opens", () => {
  test("of an append for which a spare is used", async () => {
    const full = await fullDisk(PARTS);
    const prepared = async () => {
      const disk = full.kill();
      const opened = await openJournal(disk);
      await fill(opened, PARTS);
      // The first segment has little in it now; the current one has no room for its record.
      await opened.log().truncateBefore(1n);
      await turns(12);
      return { disk, opened };
    };
    const work = async (opened: OpenJournal) => {
      expect(await append(opened, 1500)).toBe(true);
      await turns(12);
    };
    const { journal } = await crashEverywhere({ prepared, work, nestedIn: 1 });
    // The release of the straggler may take the room of the append.
    expect([1, 2]).toContain(journal.counters.rotations);
    expect(journal.space.free).toBe(SPARE_SLOTS);
  });

  test.each([
    { label: "and a straggler makes up for each", sizes: WHOLE, waves: 1, retainBytes: 0 },
    { label: "and nothing makes up for any", sizes: BRIM, waves: 2, retainBytes: 0 },
    { label: "the same with retention", sizes: BRIM, waves: 2, retainBytes: 2 * SEGMENT_BYTES },
  ])(
    "of orders that use one spare after another: $label",
    async ({ sizes, waves, retainBytes }) => {
      const full = await fullDisk(sizes, retainBytes);
      const prepared = async () => {
        const disk = full.kill();
        const opened = await openJournal(disk, { retainBytes });
        await fill(opened, sizes);
        return { disk, opened };
      };
      const work = async (opened: OpenJournal) => {
        for (let count = 0; count < waves; count++) await wave(opened);
        await append(opened, 10);
      };
      const { journal } = await crashEverywhere({ prepared, work, nestedIn: 4 });
      expect(journal.counters.rotations).toBeGreaterThan(1);
      expect(journal.poison).toBeUndefined();
    },
    60_000,
  );
});

describe("on a full disk", () => {
  test("orders go on for ever where no straggler makes up for the spare; appends wait until it is back", async () => {
    const opened = await openJournal((await fullDisk(BRIM)).kill());
    const { journal, log } = opened;
    await fill(opened, BRIM);
    for (let count = 0; count < 20; count++) {
      await wave(opened);
      expect(journal.space.free).toBe(SPARE_SLOTS - 1);
      expect(await append(opened, 10)).toBe(false);
    }
    expect(log("orders").first).toBe(20n * WAVE);
    await log().truncateBefore(log().first + 2n);
    expect(await append(opened, 10)).toBe(true);
    expect(journal.space.free).toBeGreaterThanOrEqual(SPARE_SLOTS);
    expect(journal.poison).toBeUndefined();
  });

  test("a straggler makes up for the spare that orders used, before more of them go", async () => {
    const opened = await openJournal((await fullDisk(WHOLE)).kill());
    await fill(opened, WHOLE);
    await wave(opened);
    await turns(12);
    const { rotations, relocated } = opened.journal.counters;
    expect(rotations).toBeGreaterThan(1);
    expect(relocated).toBeGreaterThan(rotations);
    expect(opened.journal.space.free).toBe(SPARE_SLOTS);
  });

  test("with a spare removed behind its back, a store leaves the last one to the next open", async () => {
    const disk = (await fullDisk(BRIM)).kill();
    const { head, path } = newestSegment(disk);
    const used = [
      path,
      ...head.sealed.map(({ slot }) => `/${DIRECTORY}/journal/${slotName(slot)}`),
    ];
    const spare = disk
      .files()
      .find((file) => file.path.endsWith(".seg") && !used.includes(file.path));
    await disk.remove(spare?.path ?? "");
    disk.capacityBytes = disk.usedBytes;
    const opened = await openJournal(disk);
    expect(opened.journal.space.free).toBe(1);
    await expect(wave(opened)).rejects.toMatchObject({ code: "DISK_FULL" });
    const { first } = opened.log("orders");
    expect(first).toBeGreaterThan(200n);
    await expectHeld(disk.kill(), ackedBy(opened));
  });
});
