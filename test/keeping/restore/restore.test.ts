/** A backup becomes a store again: whole or not at all, and guarded before it can sign. */
import { beforeAll, describe, expect, test } from "vitest";
import { backUp } from "../../../src/keeping/backup/backup.js";
import { cutOfClosed } from "../../../src/keeping/backup/closed-cut.js";
import { findBackup } from "../../../src/keeping/backup/found.js";
import { restore } from "../../../src/keeping/restore/restore.js";
import { retire } from "../../../src/keeping/retire/retire.js";
import type { Restored } from "../../../src/journal/form/restored.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { PersisterError } from "../../../src/types/errors.js";
import { sampled } from "../../scale.js";
import { drained } from "../../crash/history/explorer.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { fresh, laneAt, opened, pushAnchor, pushBlocks, pushQCs, refusal } from "../../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../../node/surroundings.js";
import { inspected } from "../../inspect/kit.js";
import { BACKUP, noPace } from "../backup/kit.js";

const chain = new TestChain(2, 3000);
const lane = laneAt(chain, 0);
const NEW = "/new-store";
let seeds = 0;

/** A backup of a running store, which goes on and is closed; the disk holds both. */
async function backedUp(): Promise<SimulatedDisk> {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 6n });
  await pushQCs(keeper, chain, { to: 3n });
  await pushAnchor(keeper, chain.qc(1n).anchor);
  await keeper.backup(BACKUP);
  await pushBlocks(keeper, chain, lane, { from: 6n, to: 9n });
  await keeper.close();
  return disk;
}

async function restored(
  disk: SimulatedDisk,
  {
    backups: from = BACKUP,
    ...more
  }: {
    readonly directory?: string;
    readonly guardAlways?: boolean;
    readonly backups?: string;
  } = {},
): Promise<Restored> {
  const manifest = await findBackup(disk, from);
  const { randomBytes } = simulatedSurroundings(disk, ++seeds);
  return await restore({
    disk,
    from,
    manifest,
    directory: NEW,
    guardAlways: false,
    nowMs: () => 9,
    randomBytes,
    ...more,
  });
}

async function openNew(disk: SimulatedDisk, directory = NEW): Promise<Lanekeeper> {
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, retainBytes: 0 };
  const { epochOf } = chain;
  const surroundings = simulatedSurroundings(disk, ++seeds);
  return await Lanekeeper.openOn(surroundings, directory, { ...choices, epochOf });
}

const blockAt = (number: bigint) => ({ kind: "block", lane, number }) as const;

describe("a restore", () => {
  let disk: SimulatedDisk;
  beforeAll(async () => {
    disk = await backedUp();
  });

  test("gives what was acknowledged at the backup, under a guard, without the word `moved`", async () => {
    const copy = disk.snapshot();
    const { guard, reason } = await restored(copy);
    expect([guard, reason]).toEqual(["all", "backup 1 of 1970-01-01T00:00:00.000Z"]);
    const keeper = await openNew(copy);
    expect(keeper.recovery.lanes.get(lane)).toEqual({ first: 1n, next: 6n });
    expect(keeper.recovery.road).toEqual({ first: 1n, next: 3n });
    expect(keeper.recovery.anchor?.commitQC.vote.view.index).toBe(1n);
    expect(keeper.status().guards).toMatchObject({ lanes: "unknown", votes: "unknown" });
    expect(keeper.maySign(blockAt(6n))).toMatchObject({ may: false, code: "GUARDED" });
    await pushBlocks(keeper, chain, lane, { from: 6n, to: 8n });
    await keeper.close();
    const again = await openNew(copy);
    expect(again.status().guards).toMatchObject({ lanes: "unknown" });
    await again.close();
  });

  test("is told by an inspection, before its first open and behind it", async () => {
    const copy = disk.snapshot();
    await restored(copy);
    const seen = async () => {
      const { findings } = await inspected(copy, { kind: "forms" }, NEW);
      return findings.map((each) => each.class);
    };
    expect(await seen()).toContain("GUARDED");
    const keeper = await openNew(copy);
    await keeper.close();
    expect(await seen()).toEqual(["GUARDED"]);
    const again = await openNew(copy);
    await again.raiseGuard({ lanes: 30n, votes: 9n }, { by: "peers", reason: "asked" });
    await again.close();
    expect(await seen()).toEqual([]);
  });

  test("says nothing of the retained segments that a backup leaves out", async () => {
    const more = { retainBytes: 1024 * 1024 };
    const { disk: other, keeper } = await fresh(chain, more);
    for (let road = 0n; road < 12n; road++) {
      await pushBlocks(keeper, chain, lane, { from: road, to: road + 1n });
      await pushQCs(keeper, chain, { from: road, to: road + 1n });
    }
    await pushAnchor(keeper, chain.qc(10n).anchor);
    await keeper.close();
    const again = await opened(other, chain, more);
    expect(again.status().disk.segments.retained.slots).toBeGreaterThan(0);
    await again.backup(BACKUP);
    await again.close();
    await restored(other);
    const { findings } = await inspected(other, { kind: "forms" }, NEW);
    expect(findings.map((each) => each.class)).toEqual(["GUARDED"]);
  });

  test("takes no directory that holds anything", async () => {
    const copy = disk.snapshot();
    await refusal(restored(copy, { directory: DIRECTORY }), "STORE_EXISTS");
    await restored(copy);
    await refusal(restored(copy), "STORE_EXISTS");
  });

  test("refuses a backup in which a byte is another one, and leaves no store", async () => {
    const { files } = await findBackup(disk, BACKUP);
    for (const { at, bytes } of files) {
      const copy = disk.snapshot();
      const path = `${BACKUP}/${at}`;
      const byte = copy.readNow(path)[bytes - 1] ?? 0;
      copy.damage(path, bytes - 1, Uint8Array.of(byte ^ 1));
      await refusal(restored(copy), "BACKUP_CORRUPT");
      await refusal(openNew(copy), "NOT_A_STORE");
      copy.damage(path, bytes - 1, Uint8Array.of(byte));
      await restored(copy);
      await (await openNew(copy)).close();
    }
  });

  test("crashed at any step it leaves no store, or a whole and guarded one", async () => {
    const whole = disk.snapshot();
    await restored(whole);
    const ends = { none: 0, whole: 0 };
    for (let step = 1; step <= whole.steps + 1; step++) {
      const crashed = disk.snapshot();
      crashed.crashAt(step);
      let isDone = false;
      const work = restored(crashed).then(() => {
        isDone = true;
      });
      await Promise.race([work, crashed.stopped]);
      await drained();
      for (const left of [crashed.kill(), ...crashed.powerCuts(step, 3)]) {
        const opening = await opensGuarded(left);
        ends[opening] += 1;
        if (isDone) expect(opening).toBe("whole");
        if (opening === "whole") continue;
        await restored(left);
        expect(await opensGuarded(left)).toBe("whole");
      }
    }
    expect(ends.none).toBeGreaterThan(20);
    expect(ends.whole).toBeGreaterThan(0);
  });
});

/** Opens what a crash has left: no store, or a guarded one. */
async function opensGuarded(disk: SimulatedDisk): Promise<"none" | "whole"> {
  try {
    const keeper = await openNew(disk);
    expect(keeper.recovery.lanes.get(lane)).toEqual({ first: 1n, next: 6n });
    expect(keeper.status().guards).toMatchObject({ lanes: "unknown", votes: "unknown" });
    await keeper.close();
    return "whole";
  } catch (cause) {
    if (!(cause instanceof PersisterError)) throw cause;
    expect(cause.code).toBe("NOT_A_STORE");
    return "none";
  }
}

describe("the last backup of a retired store", () => {
  let disk: SimulatedDisk;
  beforeAll(async () => {
    const { disk: made, keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, lane, { to: 4n });
    await keeper.close();
    const { randomBytes } = simulatedSurroundings(made, 77);
    const reason = "moved to host b";
    await retire({ disk: made, directory: DIRECTORY, reason, nowMs: () => 1, randomBytes });
    const cut = () => cutOfClosed(made, DIRECTORY);
    await backUp({ disk: made, directory: BACKUP, cut, pace: noPace(), nowMs: () => 2, keep: 2 });
    disk = made;
  });

  test("is restored without a guard once; the next restore of it is guarded", async () => {
    const copy = disk.snapshot();
    expect(await restored(copy)).toMatchObject({ guard: "none" });
    const keeper = await openNew(copy);
    expect(keeper.maySign(blockAt(4n))).toEqual({ may: true });
    expect(keeper.status().guards).toMatchObject({ standing: [], by: "restored" });
    await keeper.close();
    expect(await restored(copy, { directory: "/second" })).toMatchObject({ guard: "all" });
    const second = await openNew(copy, "/second");
    expect(second.maySign(blockAt(4n))).toMatchObject({ code: "GUARDED" });
    await second.close();
  });

  test("a restore that a full disk stops takes it from nobody: the next one has no guard", async () => {
    const whole = disk.snapshot();
    await restored(whole);
    const [before, after] = [disk.usedBytes, whole.usedBytes];
    // The first bytes of a restore are those of its record and of its claim.
    const most = [...Array.from({ length: 40 }, (_, at) => at * 17), after - before - 1];
    for (const bytes of most) {
      const copy = disk.snapshot();
      copy.capacityBytes = before + bytes;
      await refusal(restored(copy), "DISK_FULL");
      copy.capacityBytes = Number.POSITIVE_INFINITY;
      expect(await restored(copy), `${bytes} bytes`).toMatchObject({ guard: "none" });
      expect(await restored(copy, { directory: "/second" })).toMatchObject({ guard: "all" });
    }
  });

  test("is taken with every other backup of the same retirement", async () => {
    const copy = disk.snapshot();
    const cut = () => cutOfClosed(copy, DIRECTORY);
    const work = { disk: copy, directory: BACKUP, cut, pace: noPace(), nowMs: () => 3 };
    expect(await restored(copy)).toMatchObject({ guard: "none" });
    // The first one is removed behind it.
    await backUp({ ...work, keep: 1 });
    expect(await restored(copy, { directory: "/second" })).toMatchObject({ guard: "all" });
  });

  test("is in one directory: a nightly backup of the retired store to another one is guarded", async () => {
    const copy = disk.snapshot();
    const cut = () => cutOfClosed(copy, DIRECTORY);
    const work = { disk: copy, cut, pace: noPace(), nowMs: () => 3, keep: 2 };
    expect(await restored(copy)).toMatchObject({ guard: "none" });
    const nightly = await backUp({ ...work, directory: "/nightly" });
    expect(nightly.manifest.retired).toBeNull();
    const from = { backups: "/nightly", directory: "/second" };
    expect(await restored(copy, from)).toMatchObject({ guard: "all" });
    const again = await backUp({ ...work, directory: BACKUP });
    expect(again.manifest.retired).toMatchObject({ reason: "moved to host b" });
  });

  test("taken in two directories, and crashed at any step, gives one store without a guard", async () => {
    const { disk: before, keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, lane, { to: 4n });
    await keeper.close();
    const { randomBytes } = simulatedSurroundings(before, 79);
    const retiring = { directory: DIRECTORY, reason: "moved", nowMs: () => 1, randomBytes };
    await retire({ disk: before, ...retiring });
    const taken = async (of: SimulatedDisk, directory: string): Promise<void> => {
      const cut = () => cutOfClosed(of, DIRECTORY);
      await backUp({ disk: of, directory, cut, pace: noPace(), nowMs: () => 2, keep: 2 });
    };
    const whole = before.snapshot();
    await taken(whole, BACKUP);
    let free = 0;
    for (const step of sampled(Array.from({ length: whole.steps + 1 }, (_, at) => at + 1))) {
      const crashed = before.snapshot();
      crashed.crashAt(step);
      await Promise.race([taken(crashed, BACKUP), crashed.stopped]);
      await drained();
      for (const left of [crashed.kill(), ...crashed.powerCuts(step, 2)]) {
        // A record that the crash has torn is made anew.
        await retire({ disk: left, ...retiring });
        const guards: string[] = [];
        for (const [at, directory] of ["/other", BACKUP].entries()) {
          await taken(left, directory);
          const to = { backups: directory, directory: `/store-${at}` };
          guards.push((await restored(left, to)).guard);
        }
        expect(guards.filter((guard) => guard === "none").length).toBeLessThanOrEqual(1);
        free += guards.filter((guard) => guard === "none").length;
      }
    }
    expect(free).toBeGreaterThan(0);
  });

  test("gives no store without a guard if the store that was retired was never opened behind a restore", async () => {
    const { disk: made, keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, lane, { to: 4n });
    await keeper.backup(BACKUP);
    await keeper.close();
    expect(await restored(made)).toMatchObject({ guard: "all" });
    const { randomBytes } = simulatedSurroundings(made, 78);
    await retire({ disk: made, directory: NEW, reason: "moved", nowMs: () => 1, randomBytes });
    const cut = () => cutOfClosed(made, NEW);
    await backUp({ disk: made, directory: BACKUP, cut, pace: noPace(), nowMs: () => 2, keep: 2 });
    expect(await restored(made, { directory: "/second" })).toMatchObject({ guard: "all" });
  });

  test("is guarded where that is asked for, and stays to be taken", async () => {
    const copy = disk.snapshot();
    expect(await restored(copy, { guardAlways: true })).toMatchObject({ guard: "all" });
    expect(await restored(copy, { directory: "/second" })).toMatchObject({ guard: "none" });
  });

  test("crashed at any step it is taken by one store alone", async () => {
    const whole = disk.snapshot();
    await restored(whole);
    for (const step of sampled(Array.from({ length: whole.steps + 1 }, (_, at) => at + 1))) {
      const crashed = disk.snapshot();
      crashed.crashAt(step);
      await Promise.race([restored(crashed), crashed.stopped]);
      await drained();
      for (const left of [crashed.kill(), ...crashed.powerCuts(step, 2)]) {
        await restoredAnyway(left, NEW);
        await restoredAnyway(left, "/second");
        const free: string[] = [];
        for (const directory of [NEW, "/second"]) {
          const keeper = await openNew(left, directory);
          if (keeper.maySign(blockAt(4n)).may) free.push(directory);
          await keeper.close();
        }
        expect(free.length).toBeLessThanOrEqual(1);
      }
    }
  });
});

/** Restores, unless the store is there. */
async function restoredAnyway(disk: SimulatedDisk, directory: string): Promise<void> {
  try {
    await restored(disk, { directory });
  } catch (cause) {
    if (!(cause instanceof PersisterError) || cause.code !== "STORE_EXISTS") throw cause;
  }
}
