import { beforeAll, describe, expect, it } from "vitest";
import { backUp, type BackupMade } from "../../../src/keeping/backup/backup.js";
import { cutOfClosed } from "../../../src/keeping/backup/closed-cut.js";
import { findBackup } from "../../../src/keeping/backup/found.js";
import type { BackupDone, BackupOptions } from "../../../src/keeping/backup/calls.js";
import { readRetirement } from "../../../src/journal/form/retired.js";
import { retire } from "../../../src/keeping/retire/retire.js";
import type { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { keyBytes } from "../../journal/seal/kit.js";
import { TestChain } from "../../model/chain.js";
import {
  contents,
  fresh,
  laneAt,
  opened,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
} from "../../node/kit.js";
import { DIRECTORY } from "../../node/surroundings.js";
import { BACKUP, noPace, placed, verified } from "./kit.js";

/** Blocks of which a few fill a segment. */
const chain = new TestChain(1, 9000);
const lane = laneAt(chain, 0);

interface Grown {
  readonly disk: SimulatedDisk;
  readonly keeper: Lanekeeper;
}

/** An open store with some sealed segments. */
async function grown(more: Parameters<typeof fresh>[1] = {}): Promise<Grown> {
  const store = await fresh(chain, more);
  await pushBlocks(store.keeper, chain, lane, { to: 12n });
  await pushQCs(store.keeper, chain, { to: 3n });
  return store;
}

function backedUp(
  { keeper }: Pick<Grown, "keeper">,
  options: BackupOptions = {},
): Promise<BackupDone> {
  return keeper.backup(BACKUP, options);
}

async function closedBackup(disk: SimulatedDisk, target = disk): Promise<BackupMade> {
  return await backUp({
    disk: target,
    directory: BACKUP,
    cut: () => cutOfClosed(disk, DIRECTORY),
    pace: noPace(),
    nowMs: () => 0,
    keep: 2,
  });
}

describe("a backup of a running store", () => {
  let store: Grown;
  beforeAll(async () => {
    store = await grown();
  });

  it("holds everything that was acknowledged, and opens as a copy alone", async () => {
    const done = await backedUp(store);
    const manifest = await findBackup(store.disk, BACKUP);
    expect(done).toMatchObject({ number: 1, lsn: manifest.lsn, directory: BACKUP });
    expect(done.copiedBytes).toBe(done.bytes);
    const disk = await placed(store.disk, manifest);
    await refusal(opened(disk, chain), "STORE_MOVED");
    const copy = await opened(disk, chain, { moved: true });
    const held = await contents(copy);
    expect(held).toMatchObject({ lanes: { [lane]: { first: 0n, next: 12n } }, road: { next: 3n } });
    expect(copy.recovery.warnings).toEqual([]);
    await copy.close();
  });

  it("copies only what the last one lacks", async () => {
    const before = await findBackup(store.disk, BACKUP);
    await pushBlocks(store.keeper, chain, lane, { from: 12n, to: 20n });
    const done = await backedUp(store);
    const { files } = await findBackup(store.disk, BACKUP);
    const shared = files.filter(({ at }) => before.files.some((each) => each.at === at));
    expect(shared.length).toBeGreaterThan(0);
    const sharedBytes = shared.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(done.copiedBytes).toBe(done.bytes - sharedBytes);
  });

  it("copies a segment again that was damaged in the directory since", async () => {
    const { files } = await findBackup(store.disk, BACKUP);
    const [segment] = files;
    store.disk.damage(`${BACKUP}/${segment?.at}`, 5000, Buffer.from("damage"));
    expect((await verified(store.disk)).findings).toMatchObject([
      { class: "BACKUP_CORRUPT", file: `${BACKUP}/${segment?.at}` },
      { class: "JOURNAL_CORRUPT" },
    ]);
    const done = await backedUp(store);
    expect(done.copiedBytes).toBeGreaterThanOrEqual(segment?.bytes ?? 0);
    expect((await verified(store.disk)).findings).toEqual([]);
  });

  it("keeps as many as it is told, and the segments that these need", async () => {
    await backedUp(store, { keep: 2 });
    await refusal(findBackup(store.disk, BACKUP, 1), "BACKUP_CORRUPT");
    for (const number of [3, 4]) {
      expect((await verified(store.disk, [], number)).findings).toEqual([]);
    }
    const names = (await store.disk.list(BACKUP)) ?? [];
    expect(names.filter(({ name }) => /^000000[12]/.test(name))).toEqual([]);
  });

  it("leaves out what is only retained, and its verification says nothing of that", async () => {
    const more = { retainBytes: 1024 * 1024 };
    const { disk, keeper: first } = await grown(more);
    await pushQCs(first, chain, { from: 3n, to: 12n });
    await pushAnchor(first, chain.qc(10n).anchor);
    await first.close();
    const keeper = await opened(disk, chain, more);
    expect(keeper.status().disk.segments.retained.slots).toBeGreaterThan(0);
    await keeper.backup(BACKUP);
    expect((await verified(disk)).findings).toEqual([]);
    await keeper.close();
  });

  it("tells how far it is, and ends where its signal says; the next one goes on", async () => {
    await pushBlocks(store.keeper, chain, lane, { from: 20n, to: 28n });
    const stop = new AbortController();
    const seen: number[] = [];
    const onProgress: BackupOptions["onProgress"] = ({ doneBytes, totalBytes }) => {
      seen.push(doneBytes);
      expect(doneBytes).toBeLessThanOrEqual(totalBytes);
      if (seen.length === 4) stop.abort();
    };
    const before = await findBackup(store.disk, BACKUP);
    await refusal(backedUp(store, { signal: stop.signal, onProgress }), "ABORTED");
    expect((await findBackup(store.disk, BACKUP)).number).toBe(before.number);
    const done = await backedUp(store);
    const { number, files } = await findBackup(store.disk, BACKUP);
    expect([done.number, number]).toEqual([before.number + 1, before.number + 1]);
    const thereBytes = files.slice(0, 3).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(done.bytes - done.copiedBytes).toBeGreaterThanOrEqual(thereBytes);
  });

  it.each([
    ["a directory of something else", `/${DIRECTORY}`],
    ["no path", ""],
  ])("is refused for %s", async (_, to) => {
    await refusal(store.keeper.backup(to), "USAGE");
  });

  it("is refused for the backups of another store, and for a wrong option", async () => {
    const other = await grown();
    const backups = store.disk;
    const made = backUp({
      disk: backups,
      directory: BACKUP,
      cut: () => other.keeper.cut(),
      pace: noPace(),
      nowMs: () => 0,
      keep: 2,
    });
    await refusal(made, "USAGE");
    await refusal(backedUp(store, { keep: 0 }), "USAGE");
    await other.keeper.close();
  });

  it("is refused while another one is made there", async () => {
    const [first, second] = await Promise.allSettled([backedUp(store), backedUp(store)]);
    expect(first.status).toBe("fulfilled");
    expect(second).toMatchObject({ reason: { code: "STORE_LOCKED" } });
  });

  it("ends with CLOSED when the store is closed, and none begins behind that", async () => {
    const { keeper, disk } = await grown();
    const making = refusal(keeper.backup(BACKUP), "CLOSED");
    await Promise.all([making, keeper.close()]);
    await refusal(keeper.backup("/elsewhere"), "CLOSED");
    expect(await disk.kind("/elsewhere")).toBeUndefined();
  });
});

describe("a backup of a closed store", () => {
  it("that a full disk stopped anywhere is none, and the next one is whole", async () => {
    const { disk, keeper } = await grown();
    await keeper.close();
    const whole = new SimulatedDisk();
    await closedBackup(disk, whole);
    const pieces = 12;
    for (let piece = 0; piece < pieces; piece++) {
      const target = new SimulatedDisk();
      target.capacityBytes = Math.floor((whole.usedBytes * piece) / pieces) + 13;
      await refusal(closedBackup(disk, target), "DISK_FULL");
      await expect(findBackup(target, BACKUP)).rejects.toThrow();
      target.capacityBytes = Number.POSITIVE_INFINITY;
      const { manifest } = await closedBackup(disk, target);
      expect((await verified(target)).findings, `piece ${piece}`).toEqual([]);
      const copy = await opened(await placed(target, manifest), chain, { moved: true });
      expect(copy.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 12n });
      await copy.close();
    }
  });

  it("is as the store was, to the pins of a torn group", async () => {
    const { disk, keeper } = await grown();
    disk.hold();
    await keeper.pushBlock(chain.block(lane, 12n).bytes);
    await new Promise((resolve) => setTimeout(resolve, 10));
    const torn = disk.kill();
    const target = new SimulatedDisk();
    const { manifest } = await closedBackup(torn, target);
    const copy = await opened(await placed(target, manifest), chain, { moved: true });
    const original = await opened(torn.kill(), chain);
    expect(await contents(copy)).toEqual(await contents(original));
    expect(copy.recovery.pins).toEqual(original.recovery.pins);
  });

  it("needs no key for a sealed one, and says which keys its payloads need", async () => {
    const keys = { write: keyBytes("a") };
    const { disk, keeper } = await grown({ keys });
    await keeper.close();
    const { manifest } = await closedBackup(disk);
    expect(manifest.keyIds).toHaveLength(1);
    const copy = await opened(await placed(disk, manifest), chain, { moved: true, keys });
    expect((await contents(copy)) as object).toMatchObject({ road: { next: 3n } });
    await copy.close();
    expect((await verified(disk, [keys.write])).findings).toEqual([]);
    expect((await verified(disk)).findings.map((each) => each.class)).toContain("KEY_MISSING");
  });

  it("of a retired store is its last one, and names its retirement", async () => {
    const { disk, keeper } = await grown();
    await keeper.close();
    const randomBytes = (count: number): Uint8Array => new Uint8Array(count).fill(7);
    const retiring = { disk, directory: DIRECTORY, reason: "moved", nowMs: () => 5, randomBytes };
    const retirement = await retire(retiring);
    expect((await closedBackup(disk)).manifest.retired).toEqual(retirement);
    expect(await readRetirement(disk, DIRECTORY)).toMatchObject(retirement);
  });

  it("is refused while somebody has the store open, and where open would refuse the store", async () => {
    const { disk, keeper } = await grown();
    await refusal(closedBackup(disk), "STORE_LOCKED");
    await pushAnchor(keeper, chain.qc(2n).anchor);
    await keeper.close();
    disk.damage(`${DIRECTORY}/mark`, 0, Buffer.alloc(4096));
    disk.damage(`${DIRECTORY}/mark`, 256 * 1024, Buffer.alloc(4096));
    await refusal(closedBackup(disk), "MARK_CORRUPT");
  });
});
