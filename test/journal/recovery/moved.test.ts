/** D6: a store that was copied or moved is an older memory, or a second one, until the caller says more. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { JobStore } from "../../../src/jobs/job-store.js";
import { originCases } from "../../../src/journal/recovery/moved.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { Journal } from "../../../src/records/journal.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { PersisterError } from "../../../src/types/errors.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import {
  born,
  contents,
  fingerprints,
  laneAt,
  opened,
  pushBlocks,
  refusal,
} from "../../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES } from "../../node/surroundings.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const STORE = `${DIRECTORY}/STORE`;

describe("the table of origins", () => {
  const here = { inode: 7n, bornNs: 70n };
  test.each([
    ["same-birth", here, here],
    ["same-birth", here, { inode: 8n, bornNs: 70n }],
    ["other-birth", here, { inode: 7n, bornNs: 71n }],
    ["other-birth", here, { inode: 7n, bornNs: 0n }],
    ["other-inode", { inode: 7n, bornNs: 0n }, { inode: 8n, bornNs: 71n }],
    ["nothing-known-differs", { inode: 7n, bornNs: 0n }, { inode: 7n, bornNs: 71n }],
    ["nothing-known-differs", { inode: 7n, bornNs: 0n }, { inode: 0n, bornNs: 0n }],
    ["nothing-known-differs", { inode: 0n, bornNs: 0n }, here],
  ])("%s: the mark names %o, and %o is there", (label, named, found) => {
    expect(originCases.find((each) => each.fits({ named, found }))?.label).toBe(label);
  });
});

describe("on the simulated disk", () => {
  /** A store that was open once, and holds two blocks. */
  async function lived(): Promise<SimulatedDisk> {
    const disk = await born();
    const keeper = await opened(disk, chain);
    await pushBlocks(keeper, chain, lane, { to: 2n });
    await keeper.close();
    return disk.kill();
  }

  /** STORE is another file with the same bytes. */
  async function moved(disk: SimulatedDisk): Promise<SimulatedDisk> {
    const bytes = disk.readNow(STORE);
    await disk.remove(STORE);
    const file = await disk.create(STORE);
    await file.writeDurable(0, [bytes]);
    await file.close();
    await disk.syncDirectory(DIRECTORY);
    return disk.kill();
  }

  test("a moved store is refused, no byte changes, and it opens once the caller says so", async () => {
    const disk = await moved(await lived());
    const before = fingerprints(disk);
    const error = await refusal(opened(disk, chain), "STORE_MOVED");
    expect(error.file).toBe(STORE);
    expect(error.message).toMatch(/original never runs again.*moved: true/);
    expect([disk.steps, fingerprints(disk)]).toEqual([0, before]);

    const keeper = await opened(disk, chain, { moved: true });
    expect(keeper.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 2n });
    // The new origin is durable when open resolves.
    const [cut] = disk.powerCuts(1, 1);
    if (!cut) throw new Error("a power cut leaves a disk");
    await (await opened(cut, chain)).close();
    await keeper.close();
  });

  test("a store that was never open may be moved: it has nothing to forget", async () => {
    const disk = await moved(await born());
    await (await opened(disk, chain)).close();
  });

  test("a crash at any step of that open leaves a store that opens when it is said again", async () => {
    const source = await moved(await lived());
    const outcomes = new Set<string>();
    for (let step = 1; ; step++) {
      const disk = source.kill();
      disk.crashAt(step);
      const ended = await Promise.race([
        opened(disk, chain, { moved: true }).then((keeper) => keeper.close()),
        disk.stopped.then(() => "stopped" as const),
      ]);
      if (ended !== "stopped") break;
      for (const left of [disk.kill(), ...disk.powerCuts(step, 3)]) {
        const unsaid = await opened(left.kill(), chain).then(
          () => "opens",
          (cause: unknown) => (cause instanceof PersisterError ? cause.code : "thrown"),
        );
        outcomes.add(unsaid);
        const again = await opened(left, chain, { moved: true });
        expect(again.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 2n });
      }
    }
    // Before its mark the old origin stands, behind it the new one.
    expect([...outcomes].toSorted()).toEqual(["STORE_MOVED", "opens"]);
  });
});

describe("on a real disk", () => {
  let folder = "";
  let directory = "";
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: chain.epochOf };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lanekeeper-"));
    directory = join(folder, "store");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function lived(): Promise<void> {
    await Lanekeeper.init(directory, { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES });
    const keeper = await Lanekeeper.open(directory, choices);
    await pushBlocks(keeper, chain, lane, { to: 2n });
    await keeper.close();
  }

  test("a copy is refused; the original, and a store renamed within its disk, open", async () => {
    await lived();
    const copy = join(folder, "copy");
    cpSync(directory, copy, { recursive: true });
    await refusal(Lanekeeper.open(copy, choices), "STORE_MOVED");
    const renamed = join(folder, "renamed");
    renameSync(directory, renamed);
    const original = await Lanekeeper.open(renamed, choices);
    const second = await Lanekeeper.open(copy, { ...choices, moved: true });
    expect(await contents(second)).toEqual(await contents(original));
    await Promise.all([original.close(), second.close()]);
    await (await Lanekeeper.open(copy, choices)).close();
  });

  test("a backup in the place of the store is refused, though it may get the same inodes", async () => {
    await lived();
    const backup = join(folder, "backup");
    cpSync(directory, backup, { recursive: true });
    rmSync(directory, { recursive: true });
    cpSync(backup, directory, { recursive: true });
    await refusal(Lanekeeper.open(directory, choices), "STORE_MOVED");
  });

  test("a STORE that was copied into the inode of the original is refused", async () => {
    await lived();
    const original = join(directory, "STORE");
    const { ino } = statSync(original);
    const copies = join(folder, "copies");
    mkdirSync(copies);
    copyFileSync(original, join(copies, "0"));
    rmSync(original);
    // The inode is free: some of the next files gets it.
    for (let number = 1; number < 500 && !existsSync(original); number++) {
      const copy = join(copies, String(number));
      copyFileSync(join(copies, "0"), copy);
      if (statSync(copy).ino === ino) renameSync(copy, original);
    }
    if (!existsSync(original)) renameSync(join(copies, "1"), original);
    await refusal(Lanekeeper.open(directory, choices), "STORE_MOVED");
  });

  test("a journal and a store of jobs are refused as a store is", async () => {
    const types = [1];
    await Journal.init(directory);
    await (await Journal.open(directory, { types })).close();
    cpSync(directory, `${directory}-copy`, { recursive: true });
    await refusal(Journal.open(`${directory}-copy`, { types }), "STORE_MOVED");
    await (await Journal.open(`${directory}-copy`, { types, moved: true })).close();

    const root = join(folder, "jobs");
    const store = await JobStore.open(root);
    await store.openJob("peers");
    await store.close();
    cpSync(root, `${root}-copy`, { recursive: true });
    await refusal(JobStore.open(`${root}-copy`), "STORE_MOVED");
    const told = await JobStore.open(`${root}-copy`, { moved: true });
    await told.openJob("peers");
    await told.close();
  });
});
