/** The lanes of a store, through close and reopen. */
import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import {
  contents,
  fingerprints,
  fresh,
  hex,
  laneAt,
  laneOf,
  lanesOf,
  openRefused,
  opened,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
  reopened,
} from "./kit.js";
import { forge } from "../journal/kit.js";
import { DIRECTORY } from "./surroundings.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);
const third = laneAt(chain, 2);

describe("a store that is made, and one that is not", () => {
  test("B1 an empty store loads nothing; a directory never initialised is refused", async () => {
    const disk = new SimulatedDisk();
    await openRefused(disk, chain, "NOT_A_STORE");
    await disk.makeDirectory(DIRECTORY);
    await openRefused(disk, chain, "NOT_A_STORE");
    const { keeper, disk: made } = await fresh(chain);
    expect(await contents(keeper)).toEqual({
      lanes: {},
      road: { first: 0n, next: 0n, qcs: [] },
      anchor: undefined,
    });
    const names = made.files().map(({ path }) => path.replace(/^\/?store\//, ""));
    for (const name of ["STORE", "mark", "journal/0000.seg", "prune_anchor_a.pb"]) {
      expect(names).toContain(name);
    }
    await keeper.close();
  });

  test("B6 a store in memory moves its cursors as one on disk does", async () => {
    const memory = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf: chain.epochOf });
    const { keeper } = await fresh(chain);
    for (const each of [memory, keeper]) {
      await pushBlocks(each, chain, lane, { to: 3n });
      await pushQCs(each, chain, { to: 2n });
      await pushAnchor(each, chain.qc(1n).anchor);
      await pushBlocks(each, chain, lane, { from: 3n, to: 5n });
    }
    expect(memory.status().lanes).toEqual(keeper.status().lanes);
    expect(memory.status().road).toEqual(keeper.status().road);
    expect(memory.status().durable).toBe(false);
    expect(keeper.status().durable).toBe(true);
    await memory.close();
    await keeper.close();
  });

  test("B11 a lane that was never written accepts block 0, also after a crash in between", async () => {
    const { disk, keeper } = await fresh(chain);
    await keeper.close();
    const killed = disk.kill();
    for (const each of [disk, killed]) {
      const again = await opened(each, chain);
      await pushBlocks(again, chain, lane, { to: 1n });
      const last = await reopened(again, each, chain);
      expect(await contents(last)).toMatchObject({
        lanes: { [lane]: laneOf(chain, lane, 0n, 1n) },
      });
      await last.close();
    }
  });

  test("B12 B13 foreign files and folders are reported, skipped and left alone", async () => {
    const { disk, keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, lane, { to: 2n });
    await keeper.close();
    const foreign = ["notes.txt", "journal/0000.seg.bak", "journal/x.seg"];
    for (const name of foreign) {
      const file = await disk.create(`${DIRECTORY}/${name}`);
      await file.writeDurable(0, [Buffer.from("mine")]);
      await file.close();
    }
    await disk.makeDirectory(`${DIRECTORY}/folder`);
    await disk.makeDirectory(`${DIRECTORY}/journal/0077.seg`);
    const again = await opened(disk, chain);
    expect(again.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 2n });
    for (const name of [...foreign, "folder", "journal/0077.seg"]) {
      expect(again.recovery.foreign).toContain(`${DIRECTORY}/${name}`);
    }
    await pushBlocks(again, chain, lane, { from: 2n, to: 20n });
    await again.close();
    for (const name of foreign) {
      expect(Buffer.from(disk.readNow(`${DIRECTORY}/${name}`)).toString()).toBe("mine");
    }
  });
});

describe("appending", () => {
  test("B3 lanes are separate, and grouped by lane on load", async () => {
    const { disk, keeper } = await fresh(chain);
    for (const number of [0n, 1n, 2n]) {
      for (const each of [lane, other]) await keeper.pushBlock(chain.block(each, number).bytes);
    }
    await keeper.pushBlock(chain.block(third, 0n).bytes);
    const again = await reopened(keeper, disk, chain);
    expect(await contents(again)).toMatchObject({
      lanes: {
        [lane]: laneOf(chain, lane, 0n, 3n),
        [other]: laneOf(chain, other, 0n, 3n),
        [third]: laneOf(chain, third, 0n, 1n),
      },
    });
    await again.close();
  });

  test("B14 a gap, a duplicate and a conflict are refused, each by its name", async () => {
    const { keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, lane, { to: 3n });
    const gap = await refusal(keeper.pushBlock(chain.block(lane, 5n).bytes), "OUT_OF_SEQUENCE");
    expect(gap.message).toMatch(/out of sequence/);
    expect([gap.lane, gap.blockNumber]).toEqual([lane, 5n]);
    for (const number of [2n, 1n]) {
      await refusal(keeper.pushBlock(chain.block(lane, number).bytes), "DUPLICATE");
      const fork = chain.block(lane, number, 1);
      const conflict = await refusal(keeper.pushBlock(fork.bytes), "CONFLICT");
      expect([conflict.lane, conflict.blockNumber]).toEqual([lane, number]);
    }
    expect(keeper.status().lanes.get(lane)?.next).toBe(3n);
    await keeper.close();
  });

  test("B14 a conflict carries both blocks, also where the held one is still queued", async () => {
    const { disk, keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, lane, { to: 2n });
    disk.hold();
    await keeper.pushBlock(chain.block(lane, 2n).bytes);
    for (const number of [2n, 1n]) {
      const fork = chain.block(lane, number, 1);
      const conflict = await refusal(keeper.pushBlock(fork.bytes), "CONFLICT");
      expect(conflict.offered && hex(conflict.offered)).toBe(hex(fork.bytes));
      expect(conflict.held && hex(conflict.held)).toBe(hex(chain.block(lane, number).bytes));
    }
    disk.release();
    await keeper.close();
  });

  test("B14 after a reopen too a duplicate and a conflict are told from a gap", async () => {
    const { disk, keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, lane, { to: 3n });
    const again = await reopened(keeper, disk, chain);
    for (const number of [2n, 1n]) {
      await refusal(again.pushBlock(chain.block(lane, number).bytes), "DUPLICATE");
      await refusal(again.pushBlock(chain.block(lane, number, 1).bytes), "CONFLICT");
    }
    await again.close();
  });

  test("B15 a hole inside a stored lane makes open fail and names lane and number", async () => {
    const { disk, keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, lane, { to: 2n });
    await keeper.close();
    forge(disk, [{ name: lane, number: 3n, payload: chain.block(lane, 3n).bytes }]);
    const error = await openRefused(disk, chain, "JOURNAL_CORRUPT");
    expect(error.lane).toBe(lane);
    expect(error.blockNumber).toBe(3n);
    expect(error.file).toMatch(/\.seg$/);
  });

  test("B17 the first write to an unknown lane creates exactly that lane", async () => {
    const { disk, keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, other, { to: 1n });
    const again = await reopened(keeper, disk, chain);
    expect([...again.recovery.lanes.keys()]).toEqual([other]);
    await again.close();
  });

  test("B18 8 lanes x 20 blocks in parallel all persist, in order per lane", async () => {
    const wide = new TestChain(8);
    const { disk, keeper } = await fresh(wide);
    const push = async (index: number): Promise<void> => {
      const each = laneAt(wide, index);
      await pushBlocks(keeper, wide, each, { to: 20n });
    };
    await Promise.all(wide.lanes.map((_, index) => push(index)));
    const again = await reopened(keeper, disk, wide);
    expect(await contents(again)).toMatchObject({ lanes: lanesOf(wide, 0n, 20n) });
    await again.close();
  });
});

test("a closed store answers with CLOSED, and closing again is fine", async () => {
  const { disk, keeper } = await fresh(chain);
  await keeper.close();
  const before = fingerprints(disk);
  await keeper.close();
  await refusal(keeper.pushBlock(chain.block(lane, 0n).bytes), "CLOSED");
  await refusal(keeper.pushCommitQC(chain.qc(0n).bytes), "CLOSED");
  await refusal(keeper.pushAnchor(chain.qc(0n).anchor), "CLOSED");
  await refusal(keeper.writeVoteState(Buffer.from([0x78, 1]), 0n), "CLOSED");
  expect(fingerprints(disk)).toEqual(before);
});
