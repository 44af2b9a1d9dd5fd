/** The commit QCs of a store, through close and reopen. */
import { expect, test } from "vitest";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { LaneId } from "../../src/types/lane.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { forge } from "../journal/kit.js";
import {
  contents,
  fresh,
  openRefused,
  opened,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
  reopened,
  roadOf,
  turns,
} from "./kit.js";

const chain = new TestChain();

test("C1 a new store: next = 0", async () => {
  const { keeper } = await fresh(chain);
  expect(keeper.recovery.road).toEqual({ first: 0n, next: 0n });
  expect(keeper.status().road).toEqual({ first: 0n, next: 0n, durable: 0n });
  await keeper.close();
});

test("C2 QCs 0..2 reload equal and in order, next = 3", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 3n });
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ road: roadOf(chain, 0n, 3n) });
  await again.close();
});

test("C3 prune at 3 of 0..4 leaves 3, 4", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 5n });
  await pushAnchor(keeper, chain.qc(3n).anchor);
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ road: roadOf(chain, 3n, 5n) });
  await again.close();
});

test("C4 prune at 0 removes nothing, and appending goes on", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 2n });
  await pushAnchor(keeper, chain.qc(0n).anchor);
  await pushQCs(keeper, chain, { from: 2n, to: 3n });
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ road: roadOf(chain, 0n, 3n) });
  await again.close();
});

test.each(["before", "after"])(
  "C5 below next: the same digest is ignored, another is a conflict (%s a reopen)",
  async (when) => {
    const { disk, keeper } = await fresh(chain);
    await pushQCs(keeper, chain, { to: 3n });
    let again = when === "after" ? await reopened(keeper, disk, chain) : keeper;
    for (const index of [0n, 1n, 2n]) {
      await again.pushCommitQC(chain.qc(index).bytes);
      expect(again.status().road.next).toBe(3n);
      const error = await refusal(again.pushCommitQC(chain.qc(index, 1).bytes), "CONFLICT");
      expect(error.roadIndex).toBe(index);
    }
    again = await reopened(again, disk, chain);
    expect(await contents(again)).toMatchObject({ road: roadOf(chain, 0n, 3n) });
    await again.close();
  },
);

test("C6 S7g an index above next fails: out of sequence", async () => {
  const { keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 3n });
  const error = await refusal(keeper.pushCommitQC(chain.qc(5n).bytes), "OUT_OF_SEQUENCE");
  expect(error.message).toMatch(/out of sequence/);
  expect(error.roadIndex).toBe(5n);
  expect(keeper.status().road.next).toBe(3n);
  await keeper.close();
});

test("C7 stored 0, 2 makes open fail and names the gap", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 1n });
  await keeper.close();
  forge(disk, [{ name: "road", number: 2n, payload: chain.qc(2n).bytes }]);
  const error = await openRefused(disk, chain, "JOURNAL_CORRUPT");
  expect(error.message).toMatch(/road.*2.*where 1 is next/);
});

test("C9 in memory the cursor advances, also past everything by an anchor", async () => {
  const keeper = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf: chain.epochOf });
  await pushQCs(keeper, chain, { to: 5n });
  expect(keeper.status().road).toEqual({ first: 0n, next: 5n, durable: 5n });
  await pushAnchor(keeper, chain.qc(8n).anchor);
  expect(keeper.status().road.first).toBe(8n);
  await pushQCs(keeper, chain, { from: 8n, to: 10n });
  expect(keeper.status().road).toEqual({ first: 8n, next: 10n, durable: 10n });
  await keeper.close();
});

test("C10 prune at 10 of 0..2 sets next past it; reopen shows 10, 11", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 3n });
  await pushAnchor(keeper, chain.qc(10n).anchor);
  await pushQCs(keeper, chain, { from: 10n, to: 12n });
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ road: roadOf(chain, 10n, 12n) });
  await again.close();
});

test("C11 emptied by a prune and crashed before the next write: the anchor re-establishes it", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 3n });
  // The anchor becomes durable, the journal's records of its prune do not.
  disk.hold(({ path }) => path.endsWith(".seg"));
  await pushAnchor(keeper, chain.qc(10n).anchor);
  await turns();
  for (const crashed of [disk.kill(), ...disk.powerCuts(1, 8)]) {
    let again = await opened(crashed, chain);
    expect(again.recovery.road).toEqual({ first: 10n, next: 11n });
    await pushQCs(again, chain, { from: 11n, to: 13n });
    again = await reopened(again, crashed, chain);
    expect(await contents(again)).toMatchObject({ road: roadOf(chain, 10n, 13n) });
    await again.close();
  }
  disk.release();
  await keeper.close();
});

test.each([0n, 7n])(
  "C12 on an empty log the anchor's own QC is written back, once (anchor %s)",
  async (index) => {
    const { disk, keeper } = await fresh(chain);
    await pushAnchor(keeper, chain.qc(index).anchor);
    await keeper.pushCommitQC(chain.qc(index).bytes);
    await keeper.waitForCommitQC(index);
    expect(keeper.status().road).toEqual({ first: index, next: index + 1n, durable: index + 1n });
    let again = await reopened(keeper, disk, chain);
    expect(await contents(again)).toMatchObject({ road: roadOf(chain, index, index + 1n) });
    await again.pushCommitQC(chain.qc(index).bytes);
    await refusal(again.pushCommitQC(chain.qc(index, 1).bytes), "CONFLICT");
    again = await reopened(again, disk, chain);
    expect(await contents(again)).toMatchObject({ road: roadOf(chain, index, index + 1n) });
    await again.close();
  },
);

test("C13 prune 3, append 5: 3, 4, 5", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 5n });
  await pushAnchor(keeper, chain.qc(3n).anchor);
  await pushQCs(keeper, chain, { from: 5n, to: 6n });
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ road: roadOf(chain, 3n, 6n) });
  await again.close();
});

test("C14 prune points at or below the first change nothing", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 5n });
  await pushAnchor(keeper, chain.qc(3n).anchor);
  for (const index of [3n, 2n, 0n]) {
    await keeper.pushAnchor(chain.qc(index).anchor);
    await turns();
    expect(keeper.status().road).toEqual({ first: 3n, next: 5n, durable: 5n });
    expect(keeper.status().anchorRoadIndex).toBe(3n);
  }
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ road: roadOf(chain, 3n, 5n), anchor: 3n });
  await again.close();
});

test("C15 prunes at 2 then 5 of 0..7 leave 5, 6, 7; next stays 8", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 8n });
  await pushAnchor(keeper, chain.qc(2n).anchor);
  await pushAnchor(keeper, chain.qc(5n).anchor);
  expect(keeper.status().road).toEqual({ first: 5n, next: 8n, durable: 8n });
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ road: roadOf(chain, 5n, 8n) });
  await again.close();
});

test("S7h anchor 9 past stored 0..4: the log is reset and the anchor's QC written back", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 5n });
  await pushAnchor(keeper, chain.qc(9n).anchor);
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ road: roadOf(chain, 9n, 10n), anchor: 9n });
  await again.close();
});

/**
 * 1. Every segment is full, and the disk. 2. Anchor 0 comes: its slot has room, its QC has none in the
 * journal. 3. The store is closed, or killed. 4. Open finds an anchor whose QC the road lacks, and no room
 * to write it: the anchor holds the QC, so nothing is lost, and the store serves (D9).
 */
test.each(["a close", "a kill"])(
  "the QC of an anchor that a full disk owes the road (%s)",
  async (end) => {
    const large = new TestChain(1, 15_000);
    const [lane] = large.lanes as [LaneId];
    const { disk, keeper } = await fresh(large);
    disk.capacityBytes = disk.usedBytes;
    await expect(pushBlocks(keeper, large, lane, { to: 30n })).rejects.toThrow(/no room/);
    await pushAnchor(keeper, large.qc(0n).anchor);
    await refusal(keeper.waitForCommitQC(0n), "DISK_FULL");
    if (end === "a close") await refusal(keeper.close(), "DISK_FULL");

    const full = disk.kill();
    const again = await opened(full, large);
    expect(again.recovery.road).toEqual({ first: 0n, next: 0n });
    expect(again.recovery.anchor?.commitQC.vote.view.index).toBe(0n);
    expect(again.status().road).toEqual({ first: 0n, next: 1n, durable: 0n });
    await refusal(again.waitForCommitQC(0n), "DISK_FULL");
    await again.writeVoteState(Uint8Array.of(), 1n);

    full.capacityBytes = Number.POSITIVE_INFINITY;
    expect(await again.waitForCommitQC(0n)).toBe("durable");
    await refusal(again.pushCommitQC(large.qc(0n, 1).bytes), "CONFLICT");
    await pushQCs(again, large, { from: 1n, to: 2n });
    const last = await reopened(again, full, large);
    expect(await contents(last)).toMatchObject({ road: roadOf(large, 0n, 2n), anchor: 0n });
    await last.close();
  },
);
