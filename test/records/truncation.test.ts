import { describe, expect, test } from "vitest";
import { turns } from "../node/kit.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import type { Journal } from "../../src/records/journal.js";
import { CHECKPOINT_TYPE } from "../../src/records/log/envelope.js";
import {
  appendTexts,
  DIRECTORY,
  fresh,
  put,
  refusal,
  reopened,
  replayed,
  SEGMENT_BYTES,
  textOf,
  texts,
} from "./kit.js";

/** Appends `count` records of about a quarter of a segment. */
async function appendLarge(journal: Journal, count: number): Promise<void> {
  for (let left = count; left > 0; left--) await journal.append(put("x".repeat(3500)));
}

function diskUse(disk: SimulatedDisk): number {
  return disk
    .files()
    .filter(({ path }) => path.endsWith(".seg"))
    .reduce((sum, { size }) => sum + size, 0);
}

describe("a checkpoint", () => {
  test("is a record: it has an LSN, is remembered, and is not replayed", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 4);
    expect(await journal.checkpoint(3n)).toBe(4n);
    expect(journal.checkpointLsn).toBe(3n);
    const again = await reopened(journal, disk);
    expect(again.checkpointLsn).toBe(3n);
    expect(await replayed(again)).toEqual(texts(1, 4));
    expect(await replayed(again, { from: again.checkpointLsn ?? 0n })).toEqual(texts(3, 4));
    expect([...again.headers()].at(-1)).toMatchObject({ lsn: 4n, type: CHECKPOINT_TYPE });
  });

  test("only rises, and never above what is durable", async () => {
    const { journal } = await fresh();
    await refusal(journal.checkpoint(0n), "OUT_OF_SEQUENCE");
    await refusal(journal.checkpoint(2n), "OUT_OF_SEQUENCE");
    await appendTexts(journal, 1, 4);
    await refusal(journal.checkpoint(5n), "OUT_OF_SEQUENCE");
    expect(await journal.checkpoint(4n)).toBe(4n);
    await refusal(journal.checkpoint(3n), "OUT_OF_SEQUENCE");
    expect(await journal.checkpoint(4n)).toBe(5n);
    expect(journal.checkpointLsn).toBe(4n);
  });

  test("two at once are one after the other", async () => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 4);
    const [one, other] = await Promise.allSettled([journal.checkpoint(3n), journal.checkpoint(2n)]);
    expect([one?.status, other?.status]).toEqual(["fulfilled", "rejected"]);
  });
});

describe("truncation", () => {
  test("needs a durable checkpoint at or above it", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 6);
    await refusal(journal.truncateBefore(2n), "OUT_OF_SEQUENCE");
    await journal.checkpoint(3n);
    await refusal(journal.truncateBefore(4n), "OUT_OF_SEQUENCE");
    expect(await journal.truncateBefore(3n)).toEqual({ records: 2n, segments: 0, bytes: 0 });
    const again = await reopened(journal, disk);
    expect([again.firstLsn, again.nextLsn, again.checkpointLsn]).toEqual([3n, 7n, 3n]);
    expect(await replayed(again)).toEqual(texts(3, 6));
    await refusal(again.read(2n), "OUT_OF_SEQUENCE");
    await refusal(replayed(again, { from: 2n }), "OUT_OF_SEQUENCE");
  });

  test("the record at the LSN itself always survives, and so does the checkpoint", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 4);
    await journal.checkpoint(4n);
    expect(await journal.truncateBefore(4n)).toMatchObject({ records: 3n });
    const again = await reopened(journal, disk);
    expect([again.firstLsn, again.nextLsn, again.checkpointLsn]).toEqual([4n, 5n, 4n]);
    expect(await replayed(again)).toEqual([]);
    expect(await again.append(put("text 5"))).toBe(5n);
  });

  test("at or below the first LSN nothing happens", async () => {
    const { journal } = await fresh();
    const nothing = { records: 0n, segments: 0, bytes: 0 };
    expect(await journal.truncateBefore(1n)).toEqual(nothing);
    await appendTexts(journal, 1, 4);
    await journal.checkpoint(3n);
    await journal.truncateBefore(3n);
    expect(await journal.truncateBefore(2n)).toEqual(nothing);
  });

  test("counts the segments that hold nothing any more, and the bytes in them", async () => {
    const { journal } = await fresh();
    await appendLarge(journal, 50);
    const segments = await journal.segments();
    const whole = segments.filter(({ nextLsn }) => nextLsn <= 40n);
    expect(whole.length).toBeGreaterThan(1);
    await journal.checkpoint(40n);
    const { records, segments: freed, bytes } = await journal.truncateBefore(40n);
    expect([records, freed]).toEqual([39n, whole.length]);
    // Behind its last record a segment has the footer of its last group.
    expect(bytes).toBeGreaterThan(whole.reduce((sum, { usedBytes }) => sum + usedBytes, 0));
    expect(bytes).toBeLessThanOrEqual(whole.length * SEGMENT_BYTES);
    expect((await journal.segments())[0]?.firstLsn).toBe(40n);
    expect(await journal.truncateBefore(40n)).toMatchObject({ segments: 0, bytes: 0 });
  });

  test("slots are recycled: disk use follows what is held, not the history", async () => {
    const { disk, journal } = await fresh();
    for (let round = 0; round < 60; round++) {
      await appendLarge(journal, 5);
      await journal.checkpoint(journal.durableLsn - 2n);
      await journal.truncateBefore(journal.durableLsn - 3n);
    }
    expect(diskUse(disk)).toBeLessThanOrEqual(16 * SEGMENT_BYTES);
    expect(journal.sizes.bytes).toBe(diskUse(disk));
    expect(journal.sizes.records).toBeLessThan(10n);
    const again = await reopened(journal, disk);
    expect(again.firstLsn).toBe(journal.firstLsn);
    expect(again.recovery.records).toBe(Number(journal.sizes.records));
  });

  test("reads the record that stays before anything goes: damage there stops it", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 6);
    await journal.checkpoint(3n);
    const at = disk
      .files()
      .map(({ path }) => ({ path, offset: Buffer.from(disk.readNow(path)).indexOf("text 3") }))
      .find(({ offset }) => offset >= 0);
    if (!at) throw new Error("the record is on disk");
    disk.damage(at.path, at.offset, Buffer.from("T"));
    await refusal(journal.truncateBefore(3n), "JOURNAL_CORRUPT");
    expect([journal.firstLsn, await journal.truncateBefore(2n)]).toMatchObject([
      1n,
      { records: 1n },
    ]);
    expect(textOf(await journal.read(2n))).toBe("text 2");
  });

  test("a replay that it overtakes says so", async () => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 1000);
    await journal.checkpoint(900n);
    const overtaken = async (): Promise<void> => {
      for await (const { lsn } of journal.replay()) {
        if (lsn === 1n) await journal.truncateBefore(900n);
      }
    };
    await refusal(overtaken(), "OUT_OF_SEQUENCE");
  });
});

describe("forgetting in one step", () => {
  test("needs no checkpoint before it, and is one itself, also after a reopen", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 6);
    expect(await journal.forgetBefore(3n)).toEqual({ records: 2n, segments: 0, bytes: 0 });
    const check = ({ firstLsn, nextLsn, checkpointLsn }: Journal): void => {
      expect([firstLsn, nextLsn, checkpointLsn]).toEqual([3n, 6n, 3n]);
    };
    check(journal);
    const again = await reopened(journal, disk);
    check(again);
    expect(await replayed(again)).toEqual(texts(3, 6));
  });

  test("a checkpoint above it stays, one below it does not come back", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 9);
    await journal.checkpoint(6n);
    await journal.forgetBefore(4n);
    const again = await reopened(journal, disk);
    expect([again.firstLsn, again.checkpointLsn]).toEqual([4n, 6n]);
    await again.forgetBefore(8n);
    await refusal(again.checkpoint(7n), "OUT_OF_SEQUENCE");
    const later = await reopened(again, disk);
    expect([later.firstLsn, later.checkpointLsn]).toEqual([8n, 8n]);
    await refusal(later.truncateBefore(9n), "OUT_OF_SEQUENCE");
  });

  test("up to all that is durable, and never above; records on their way stay", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 4);
    await refusal(journal.forgetBefore(5n), "OUT_OF_SEQUENCE");
    const append = journal.append(put("text 4"));
    await refusal(journal.forgetBefore(5n), "OUT_OF_SEQUENCE");
    expect(await journal.forgetBefore(4n)).toMatchObject({ records: 3n });
    expect(await append).toBe(4n);
    expect(await replayed(journal)).toEqual(texts(4, 5));
    await journal.forgetBefore(5n);
    const again = await reopened(journal, disk);
    expect([again.firstLsn, again.nextLsn, again.checkpointLsn]).toEqual([5n, 5n, 5n]);
    expect(await again.append(put("text 5"))).toBe(5n);
  });

  test("called beside appends it rides in their group", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 40);
    const round = async (forgets: boolean): Promise<number> => {
      const before = disk.steps;
      const work: Promise<unknown>[] = [1, 2, 3].map(() => journal.append(put("beside")));
      if (forgets) work.push(journal.forgetBefore(journal.firstLsn + 2n));
      await Promise.all(work);
      // The mark follows.
      await turns(12);
      return disk.steps - before;
    };
    const least = async (forgets: boolean): Promise<number> => {
      const rounds: number[] = [];
      // Some rounds beside which slots are made, or a segment is released, take more.
      for (let each = 0; each < 4; each++) rounds.push(await round(forgets));
      return Math.min(...rounds);
    };
    // Both take the same writes, and as many of them.
    expect(await least(true)).toBe(await least(false));
  });

  test("on a full disk it sets space free, and appends go on", async () => {
    const { disk, journal } = await fresh();
    disk.capacityBytes = disk.usedBytes + 3 * SEGMENT_BYTES;
    const fill = async (): Promise<void> => {
      for (;;) await journal.append(put("x".repeat(3500)));
    };
    await refusal(fill(), "DISK_FULL");
    const { durableLsn } = journal;
    expect(await journal.forgetBefore(durableLsn)).toMatchObject({ records: durableLsn - 1n });
    await appendLarge(journal, 3);
    const again = await reopened(journal, disk);
    expect([again.firstLsn, again.durableLsn]).toEqual([durableLsn, durableLsn + 3n]);
  });

  test("up to all that is durable, while a record behind it is refused by the full disk", async () => {
    const { disk, journal } = await fresh();
    disk.capacityBytes = disk.usedBytes;
    const fill = async (): Promise<void> => {
      for (;;) await journal.append(put("x".repeat(3500)));
    };
    await refusal(fill(), "DISK_FULL");
    const { nextLsn } = journal;
    const append = refusal(journal.append(put("x".repeat(3500))), "DISK_FULL");
    expect(await journal.forgetBefore(nextLsn)).toMatchObject({ records: nextLsn - 1n });
    await append;
    expect([journal.firstLsn, journal.nextLsn]).toEqual([nextLsn, nextLsn]);
    expect((await reopened(journal, disk)).firstLsn).toBe(nextLsn);
  });

  /** Changes one byte of what lies so many bytes before `text` on disk. */
  function damageBefore(disk: SimulatedDisk, text: string, bytes: number): void {
    const at = disk
      .files()
      .map(({ path }) => ({ path, offset: Buffer.from(disk.readNow(path)).indexOf(text) }))
      .find(({ offset }) => offset >= 0);
    if (!at) throw new Error("the record is on disk");
    const offset = at.offset - bytes;
    const held = disk.readNow(at.path)[offset] ?? 0;
    disk.damage(at.path, offset, Uint8Array.of(held ^ 1));
  }

  test.each([
    ["in the payload", 0],
    ["in its envelope", 8],
    ["in its header", 20],
  ])("reads the record that stays before anything goes: damage %s stops it", async (_, bytes) => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 6);
    damageBefore(disk, "text 3", bytes);
    await refusal(journal.forgetBefore(3n), "JOURNAL_CORRUPT");
    expect([journal.firstLsn, journal.checkpointLsn]).toEqual([1n, undefined]);
    expect(await journal.forgetBefore(2n)).toMatchObject({ records: 1n });
  });

  test("reads no more than the beginning of a large record", async () => {
    const { disk, journal } = await fresh();
    await journal.append(put("first"));
    await journal.append(put(`second ${"x".repeat(6000)} its end`));
    damageBefore(disk, "its end", 0);
    await journal.forgetBefore(2n);
    await refusal(journal.read(2n), "JOURNAL_CORRUPT");
    await journal.append(put(`third ${"x".repeat(6000)}`));
    damageBefore(disk, "third", 8);
    await refusal(journal.forgetBefore(3n), "VERIFY_MISMATCH");
    expect(journal.firstLsn).toBe(2n);
  });
});

describe("sizes", () => {
  test("segments are listed with what lies in them, and free ones are counted", async () => {
    const { disk, journal } = await fresh();
    await appendLarge(journal, 22);
    const segments = await journal.segments();
    expect(segments.length).toBeGreaterThan(1);
    expect(segments.reduce((sum, { records }) => sum + records, 0)).toBe(22);
    for (const [index, segment] of segments.entries()) {
      expect(disk.readNow(`${DIRECTORY}/${segment.file}`).length).toBe(SEGMENT_BYTES);
      expect(segment.nextLsn - segment.firstLsn).toBe(BigInt(segment.records));
      expect(segment.firstLsn).toBe(segments[index - 1]?.nextLsn ?? 1n);
      expect(segment.usedBytes).toBeGreaterThan(3500 * segment.records);
    }
    const { sizes } = journal;
    expect(sizes).toMatchObject({ records: 22n, bytes: sizes.segments * SEGMENT_BYTES });
    expect(sizes.segments).toBe(segments.length + sizes.freeSegments);
  });
});
