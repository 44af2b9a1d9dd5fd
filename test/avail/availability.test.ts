/** The availability state keeps its promises to its users: they push, vote and wait. */
import { expect, test } from "vitest";
import { PersisterError } from "../../src/types/errors.js";
import { TestChain } from "../model/chain.js";
import {
  anchorAt,
  contents,
  fresh,
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
  roadOf,
  turns,
  watched,
} from "../node/kit.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);

test("I1 an app QC with a commit QC of another road index is refused; nothing changes", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 3n });
  const mixed = { appQC: chain.qc(1n).anchor.appQC, commitQC: chain.qc(2n).qc };
  const error = await refusal(keeper.pushAnchor(mixed), "INVALID");
  expect(error.roadIndex).toBe(2n);
  await turns();
  expect(keeper.status().anchorRoadIndex).toBeUndefined();
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ road: roadOf(chain, 0n, 3n), anchor: undefined });
  await again.close();
});

test("I4 nothing stored: all queues at 0", async () => {
  const { keeper } = await fresh(chain);
  const { lanes, road, anchorRoadIndex } = keeper.status();
  expect([...lanes]).toEqual([]);
  expect(road).toEqual({ first: 0n, next: 0n, durable: 0n });
  expect(anchorRoadIndex).toBeUndefined();
  await keeper.close();
});

test("I5 I8 blocks 0..2 restored: that lane's durable cursor is 3, others have their own", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 3n });
  await pushBlocks(keeper, chain, other, { to: 1n });
  const again = await reopened(keeper, disk, chain);
  const { lanes } = again.status();
  expect(lanes.get(lane)).toMatchObject({ first: 0n, next: 3n, durable: 3n });
  expect(lanes.get(other)).toMatchObject({ first: 0n, next: 1n, durable: 1n });
  expect(lanes.get(laneAt(chain, 2))?.durable ?? 0n).toBe(0n);
  await again.close();
});

test("I7 blocks of a lane outside the committee are kept on disk, not served, reported", async () => {
  const { disk, keeper } = await fresh(chain);
  const gone = laneAt(chain, 2);
  for (const each of [lane, gone]) await pushBlocks(keeper, chain, each, { to: 2n });
  await keeper.close();
  const smaller = new TestChain(2);
  const stranger = [lane, other, gone].find((each) => !smaller.lanes.includes(each));
  if (!stranger) throw new Error("some lane is outside the smaller committee");
  const again = await opened(disk, smaller);
  const said = [...again.recovery.warnings, ...again.recovery.foreign].join("\n");
  expect(said).toContain(stranger);
  expect(again.status().lanes.has(stranger)).toBe(false);
  await again.close();
  const back = await opened(disk, chain);
  expect(await contents(back)).toMatchObject({ lanes: { [gone]: laneOf(chain, gone, 0n, 2n) } });
  await back.close();
});

test("I11 anchor, QCs and blocks are restored together", async () => {
  const { disk, keeper } = await fresh(chain);
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 6n });
  await pushQCs(keeper, chain, { to: 5n });
  await pushAnchor(keeper, chain.qc(2n).anchor);
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toEqual({
    lanes: lanesOf(chain, 2n, 6n),
    road: roadOf(chain, 2n, 5n),
    anchor: 2n,
  });
  await again.close();
});

test("I12 pruning past the durable cursor moves the cursor up, and the loop rests", async () => {
  const { keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 2n });
  await pushAnchor(keeper, chain.qc(5n).anchor);
  await turns();
  expect(keeper.status().lanes.get(lane)).toMatchObject({ first: 5n, next: 5n, durable: 5n });
  expect(keeper.status().lanes.get(other)).toMatchObject({ first: 5n, next: 5n, durable: 5n });
  const { groups } = keeper.status().counters;
  await turns();
  expect(keeper.status().counters.groups).toBe(groups);
  await pushBlocks(keeper, chain, other, { from: 5n, to: 6n });
  await keeper.close();
});

test("S1 three rounds: what the anchor passed is pruned, the rest is served", async () => {
  const { disk, keeper } = await fresh(chain);
  for (let round = 0n; round < 3n; round++) {
    for (const each of chain.lanes)
      await pushBlocks(keeper, chain, each, { from: round, to: round + 1n });
    await pushQCs(keeper, chain, { from: round, to: round + 1n });
    if (round > 0n) await pushAnchor(keeper, chain.qc(round - 1n).anchor);
  }
  await turns();
  await refusal(keeper.readBlock(lane, 0n), "OUT_OF_SEQUENCE");
  await refusal(keeper.readCommitQC(0n), "OUT_OF_SEQUENCE");
  expect(await keeper.readBlock(lane, 1n)).toHaveLength(chain.block(lane, 1n).bytes.length);
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({
    lanes: { [lane]: laneOf(chain, lane, 1n, 3n) },
    road: roadOf(chain, 1n, 3n),
  });
  await again.close();
});

test("S3 two rounds, stop, reopen: anchor, road and every lane's next are unchanged", async () => {
  const { disk, keeper } = await fresh(chain);
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 2n });
  await pushQCs(keeper, chain, { to: 2n });
  await pushAnchor(keeper, chain.qc(1n).anchor);
  await turns();
  const { lanes, road, anchorRoadIndex } = keeper.status();
  const again = await reopened(keeper, disk, chain);
  expect(again.status().lanes).toEqual(lanes);
  expect(again.status().road).toEqual(road);
  expect(again.status().anchorRoadIndex).toBe(anchorRoadIndex);
  await again.close();
});

test("S5 a wrong parent is dropped with the reason, counted, and no exception", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 2n });
  const admission = await keeper.pushBlock(chain.orphan(lane, 2n).bytes);
  expect(admission.status).toBe("dropped");
  expect(JSON.stringify(admission)).toMatch(/parent/);
  expect(keeper.status().counters.droppedBlocks).toBe(1);
  expect(keeper.status().lanes.get(lane)?.next).toBe(2n);
  const again = await reopened(keeper, disk, chain);
  expect((await again.pushBlock(chain.orphan(lane, 2n).bytes)).status).toBe("dropped");
  await pushBlocks(again, chain, lane, { from: 2n, to: 3n });
  await again.close();
});

test.each(["before its truncation is on disk", "before a reopen", "after a reopen"])(
  "S5 where the block before it is pruned the parent is not checked (%s)",
  async (when) => {
    const { disk, keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, lane, { to: 5n });
    // The road holds the anchor's QC: the next turn has the block alone, and waits for nothing.
    const anchor = anchorAt(chain, 0n, [5n, 0n, 0n]);
    await keeper.pushCommitQC(anchor.commitQC);
    await keeper.waitForCommitQC(0n);
    if (when === "before its truncation is on disk") disk.hold(({ path }) => path.endsWith(".seg"));
    await pushAnchor(keeper, anchor);
    await turns();
    const again = when === "after a reopen" ? await reopened(keeper, disk, chain) : keeper;
    const orphan = chain.orphan(lane, 5n);
    expect(await again.pushBlock(orphan.bytes)).toEqual({ status: "admitted" });
    await turns();
    disk.release();
    expect(await again.waitForBlock(lane, 5n)).toBe("durable");
    await again.close();
  },
);

test("S8 a producer at capacity wakes when a new anchor is durable, not before", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 30n });
  const waiting = keeper.pushBlock(chain.block(lane, 30n).bytes);
  const watch = watched(waiting);
  await turns();
  expect(watch.settled).toBe(false);
  disk.hold(({ path }) => /prune_anchor/.test(path));
  await keeper.pushAnchor(chain.qc(1n).anchor);
  await turns();
  expect(disk.held.length).toBeGreaterThan(0);
  expect(watch.settled).toBe(false);
  expect(keeper.status().lanes.get(lane)?.first).toBe(0n);
  disk.release();
  expect(await waiting).toEqual({ status: "admitted" });
  expect(keeper.status().lanes.get(lane)?.first).toBe(1n);
  await keeper.close();
});

test("S8 the anchor's mark held back: nothing is freed before it", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 30n });
  const watch = watched(keeper.pushBlock(chain.block(lane, 30n).bytes));
  await turns();
  disk.hold(({ path }) => path.endsWith("/mark"));
  await keeper.pushAnchor(chain.qc(1n).anchor);
  await turns();
  expect(watch.settled).toBe(false);
  expect(keeper.status().anchorRoadIndex).toBeUndefined();
  disk.release();
  await keeper.waitForAnchor(1n);
  await turns();
  expect(watch.settled).toBe(true);
  await keeper.close();
});

test("D3 while an anchor is on its way no group forgets what it allows: a power cut finds all of it", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 5n });
  disk.hold(({ path }) => /prune_anchor/.test(path));
  await keeper.pushAnchor(chain.qc(1n).anchor);
  await turns();
  expect(disk.held.length).toBeGreaterThan(0);
  // A prune that came too early would ride in this group.
  await pushBlocks(keeper, chain, lane, { from: 5n, to: 6n });
  let lost = 0;
  for (const cut of disk.powerCuts(7, 20)) {
    const left = await opened(cut, chain);
    // An anchor that reached the disk prunes the lane at the open.
    if (left.recovery.anchor === undefined) {
      lost += 1;
      expect(await contents(left)).toMatchObject({
        lanes: { [lane]: laneOf(chain, lane, 0n, 6n) },
      });
    }
    await left.close();
  }
  expect(lost).toBeGreaterThan(0);
  disk.release();
  await keeper.close();
});

test.each([/\.seg$/])(
  "S9 nothing is offered, published or resolved before it is durable (%s held back)",
  async (held) => {
    const { disk, keeper } = await fresh(chain);
    const offers = keeper.durableBlocks();
    const offer = offers.next();
    disk.hold(({ path }) => held.test(path));
    await keeper.pushBlock(chain.block(lane, 0n).bytes);
    await keeper.pushCommitQC(chain.qc(0n).bytes);
    const watches = [
      watched(offer),
      watched(keeper.waitForBlock(lane, 0n)),
      watched(keeper.waitForCommitQC(0n)),
    ];
    await turns();
    expect(watches.map(({ settled }) => settled)).toEqual([false, false, false]);
    expect(keeper.status().road).toEqual({ first: 0n, next: 1n, durable: 0n });
    expect(keeper.status().lanes.get(lane)).toMatchObject({ first: 0n, next: 1n, durable: 0n });
    disk.release();
    await Promise.all([keeper.waitForBlock(lane, 0n), keeper.waitForCommitQC(0n)]);
    expect((await offer).value).toMatchObject({ lane, number: 0n });
    expect(keeper.status().road.durable).toBe(1n);
    await keeper.close();
  },
);

test("S9 what was acknowledged is there after any power cut", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 3n });
  await pushQCs(keeper, chain, { to: 2n });
  for (const cut of disk.powerCuts(7, 12)) {
    const again = await opened(cut, chain);
    expect(await contents(again)).toMatchObject({
      lanes: { [lane]: laneOf(chain, lane, 0n, 3n) },
      road: roadOf(chain, 0n, 2n),
    });
    await again.close();
  }
  await keeper.close();
});

/** The contents that a reopen finds after an anchor, pruned in peace or cut short before any prune. */
async function afterAnchor(crashes: boolean): Promise<unknown> {
  const { disk, keeper } = await fresh(chain);
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 8n });
  await pushQCs(keeper, chain, { to: 6n });
  if (crashes) disk.hold(({ path }) => path.endsWith(".seg"));
  await pushAnchor(keeper, chain.qc(4n).anchor);
  const left = crashes ? [...disk.powerCuts(3, 6)][0] : undefined;
  disk.release();
  await keeper.close();
  const again = await opened(left ?? disk, chain);
  const found = await contents(again);
  await again.close();
  return found;
}

test("S10 a crash after the anchor is durable and before any prune: reopen equals a clean run", async () => {
  expect(await afterAnchor(true)).toEqual(await afterAnchor(false));
});

test("a wait ends with ABORTED by its signal, and with CLOSED by the end of the store", async () => {
  const { keeper } = await fresh(chain);
  const controller = new AbortController();
  const aborted = keeper.waitForBlock(lane, 9n, { signal: controller.signal });
  const closed = keeper.waitForCommitQC(9n);
  const both = Promise.all([refusal(aborted, "ABORTED"), refusal(closed, "CLOSED")]);
  controller.abort();
  await keeper.close();
  const [error] = await both;
  expect(error).toBeInstanceOf(PersisterError);
});

test("a second open of a store in use is refused with what to do", async () => {
  const { disk, keeper } = await fresh(chain);
  const error = await openRefused(disk, chain, "STORE_LOCKED");
  expect(error.message).toMatch(/stop the other owner/);
  await keeper.close();
});
