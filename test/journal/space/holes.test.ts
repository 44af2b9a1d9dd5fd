/** D9: room counts as room only where the disk really holds it. */
import { describe, expect, test } from "vitest";
import { fillHoles } from "../../../src/disk/holes.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { TestChain } from "../../model/chain.js";
import { fresh, laneAt, opened, pushBlocks, refusal, turns } from "../../node/kit.js";
import { all, bornJournal, openJournal, SEGMENT_BYTES } from "../kit.js";

const PAYLOAD = Buffer.alloc(4000, "x");

/** A copy of `disk` as `cp --sparse=always` makes it. */
function sparse(disk: SimulatedDisk, choices: { keepsZeros?: boolean } = {}): SimulatedDisk {
  const copy = disk.kill(choices);
  for (const { path } of copy.files()) copy.dig(path);
  return copy;
}

/** A journal with records in it, closed. */
async function lived(): Promise<SimulatedDisk> {
  const disk = await bornJournal();
  const { log, journal } = await openJournal(disk);
  for (let number = 0n; number < 6n; number++) await log().append({ number, payload: PAYLOAD });
  await journal.close();
  return disk;
}

describe("a store that was restored with holes in its files", () => {
  test("takes its room again at open: a full disk then refuses, and poisons nothing", async () => {
    const disk = sparse(await lived());
    const before = disk.usedBytes;
    const { log, journal } = await openJournal(disk);
    expect(disk.usedBytes).toBeGreaterThan(before);
    disk.capacityBytes = disk.usedBytes;
    let number = log().next;
    const fill = async (): Promise<void> => {
      for (; number < 100n; number++) await log().append({ number, payload: PAYLOAD });
    };
    await refusal(fill(), "DISK_FULL");
    expect(journal.poison).toBeUndefined();
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await log().append({ number, payload: PAYLOAD });
    expect(await all(log())).toHaveLength(Number(number) + 1);
    await journal.close();
  });

  test("is refused on a disk without room for them, unharmed, and opens when there is room", async () => {
    const disk = sparse(await lived());
    disk.capacityBytes = disk.usedBytes;
    await refusal(openJournal(disk), "DISK_FULL");
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    const { log } = await openJournal(disk);
    expect(await all(log())).toHaveLength(6);
  });

  test("no crash while they are filled changes a byte", async () => {
    const source = sparse(await lived());
    const sizes = source.files().map(({ path, size }) => ({ path, size }));
    for (let step = 1; ; step++) {
      const disk = source.kill();
      for (const { path } of disk.files()) disk.dig(path);
      disk.crashAt(step);
      await Promise.race([openJournal(disk), disk.stopped]);
      if (!disk.isStopped) break;
      for (const left of disk.powerCuts(step, 6)) {
        for (const { path, size } of sizes) {
          if (left.files().some((file) => file.path === path)) {
            expect(left.readNow(path).length).toBeGreaterThanOrEqual(size);
          }
        }
        const { log } = await openJournal(left);
        expect(await all(log())).toHaveLength(6);
      }
    }
  });

  test("writes votes and anchors with no byte free, as one without holes does", async () => {
    const chain = new TestChain();
    const { disk, keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, laneAt(chain, 0), { from: 0n, to: 3n });
    await keeper.writeVoteState(Buffer.from("7a0107", "hex"), 1n);
    await keeper.close();
    const copy = sparse(disk);
    const again = await opened(copy, chain);
    copy.capacityBytes = copy.usedBytes;
    for (let road = 2n; road < 6n; road++) {
      await again.writeVoteState(Buffer.from("7a0107", "hex"), road);
    }
    await again.close();
    expect(again.recovery.warnings).toEqual([]);
  });
});

describe("a file system that keeps no room for zeros", () => {
  test("is told at open, and the store works", async () => {
    const disk = sparse(await lived(), { keepsZeros: false });
    const { log, journal } = await openJournal(disk);
    expect(journal.warnings.join()).toContain("keeps no room");
    for (let number = 6n; number < 40n; number++) {
      await log().append({ number, payload: PAYLOAD });
      if (number % 4n === 0n) await log().truncateBefore(number - 2n);
    }
    await turns();
    expect(journal.poison).toBeUndefined();
    await journal.close();
  });

  test("a disk that is full in the middle of a segment is told as what it is", async () => {
    const disk = sparse(await lived(), { keepsZeros: false });
    const { log } = await openJournal(disk);
    await turns();
    disk.capacityBytes = disk.usedBytes;
    const fill = async (): Promise<void> => {
      for (let number = 6n; number < 40n; number++)
        await log().append({ number, payload: PAYLOAD });
    };
    const error = await refusal(fill(), "POISONED");
    expect(error.cause).toMatchObject({ code: "DISK_FULL" });
    expect(error.message).toContain("did not keep the room");
  });
});

test("a file without holes is not written again", async () => {
  const disk = new SimulatedDisk();
  const file = await disk.create("file");
  await file.writeDurable(0, [new Uint8Array(SEGMENT_BYTES)]);
  const { steps } = disk;
  expect(await fillHoles(file)).toBe(true);
  expect(disk.steps).toBe(steps);
  disk.dig("file");
  expect(await fillHoles(file)).toBe(true);
  expect(disk.usedBytes).toBe(SEGMENT_BYTES);
});
