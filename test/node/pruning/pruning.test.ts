/** The lanes of a store as anchors prune them, through close and reopen. */
import { expect, test } from "vitest";
import { TestChain } from "../../model/chain.js";
import {
  anchorAt,
  contents,
  fresh,
  laneAt,
  laneOf,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
  reopened,
  turns,
} from "../kit.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);
const third = laneAt(chain, 2);

test("B4 prune at 3 of 0..4: reopen shows exactly 3, 4", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 5n });
  await pushAnchor(keeper, chain.qc(3n).anchor);
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({
    lanes: { [lane]: laneOf(chain, lane, 3n, 5n) },
  });
  await again.close();
});

test("B5 a pruned, an untouched and a never-written lane go on after restarts", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 5n });
  await pushBlocks(keeper, chain, other, { to: 3n });
  await pushAnchor(keeper, anchorAt(chain, 1n, [3n, 0n, undefined]));
  let again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({
    lanes: { [lane]: laneOf(chain, lane, 3n, 5n), [other]: laneOf(chain, other, 0n, 3n) },
  });
  expect(again.recovery.lanes.has(third)).toBe(false);
  await pushBlocks(again, chain, lane, { from: 5n, to: 7n });
  await pushBlocks(again, chain, other, { from: 3n, to: 4n });
  await pushBlocks(again, chain, third, { to: 1n });
  again = await reopened(again, disk, chain);
  expect(await contents(again)).toMatchObject({
    lanes: {
      [lane]: laneOf(chain, lane, 3n, 7n),
      [other]: laneOf(chain, other, 0n, 4n),
      [third]: laneOf(chain, third, 0n, 1n),
    },
  });
  await again.close();
});

test("B7 prune at 3, then append 5: 3, 4, 5 after reopen", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 5n });
  await pushAnchor(keeper, chain.qc(3n).anchor);
  await pushBlocks(keeper, chain, lane, { from: 5n, to: 6n });
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({
    lanes: { [lane]: laneOf(chain, lane, 3n, 6n) },
  });
  await again.close();
});

test("B8 B9 prune at 10 of 0..2: 0 is out of sequence, 10 and 11 are what reopen shows", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 3n });
  await pushAnchor(keeper, chain.qc(10n).anchor);
  const error = await refusal(keeper.pushBlock(chain.block(lane, 0n).bytes), [
    "OUT_OF_SEQUENCE",
    "DUPLICATE",
  ]);
  expect(error.message).toMatch(/out of sequence/);
  await pushBlocks(keeper, chain, lane, { from: 10n, to: 12n });
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({
    lanes: { [lane]: laneOf(chain, lane, 10n, 12n) },
  });
  await again.close();
});

test("B10 on an emptied lane, prune to 10 and then 15: 15 is accepted next", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 3n });
  await pushAnchor(keeper, chain.qc(10n).anchor);
  await pushAnchor(keeper, chain.qc(15n).anchor);
  await refusal(keeper.pushBlock(chain.block(lane, 10n).bytes), "OUT_OF_SEQUENCE");
  await pushBlocks(keeper, chain, lane, { from: 15n, to: 16n });
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({
    lanes: { [lane]: laneOf(chain, lane, 15n, 16n) },
  });
  await again.close();
});

test("B19 pruning gives disk space back: use is bounded, the last blocks stay", async () => {
  const { disk, keeper } = await fresh(chain);
  let most = 0;
  for (let round = 0n; round < 150n; round++) {
    for (const each of chain.lanes) await keeper.pushBlock(chain.block(each, round).bytes);
    await keeper.waitForBlock(lane, round);
    if (round % 5n === 4n) await pushAnchor(keeper, chain.qc(round - 2n).anchor);
    most = Math.max(most, keeper.status().disk.slots);
  }
  expect(keeper.status().counters.rotations).toBeGreaterThan(3);
  expect(most).toBeLessThanOrEqual(7);
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({
    lanes: { [lane]: laneOf(chain, lane, 147n, 150n) },
  });
  await again.close();
});

test("B20 a lane is dropped only by the set to keep; calling again is fine", async () => {
  const { disk, keeper } = await fresh(chain);
  for (const each of [lane, other]) await pushBlocks(keeper, chain, each, { to: 3n });
  let again = await reopened(keeper, disk, chain);
  expect([...again.recovery.lanes.keys()].sort()).toEqual([lane, other].sort());
  await again.dropLanesExcept(new Set([lane]), { dropAll: true });
  await again.dropLanesExcept(new Set([lane]), { dropAll: true });
  expect([...again.status().lanes.keys()]).toEqual([lane]);
  again = await reopened(again, disk, chain);
  expect([...again.recovery.lanes.keys()]).toEqual([lane]);
  await again.dropLanesExcept(new Set([lane]), { dropAll: true });
  await pushBlocks(again, chain, other, { to: 2n });
  again = await reopened(again, disk, chain);
  expect(await contents(again)).toMatchObject({
    lanes: { [lane]: laneOf(chain, lane, 0n, 3n), [other]: laneOf(chain, other, 0n, 2n) },
  });
  await again.close();
});

test("a lane dropped while an anchor is about to prune it harms nothing", async () => {
  const { disk, keeper } = await fresh(chain);
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 4n });
  await pushQCs(keeper, chain, { to: 4n });
  disk.hold(({ path }) => path.includes("prune_anchor"));
  await keeper.pushAnchor(chain.qc(2n).anchor);
  await turns();
  const dropping = keeper.dropLanesExcept(new Set([lane, other]));
  await turns();
  disk.release();
  await keeper.waitForAnchor(2n);
  await dropping;
  await turns();
  expect(keeper.status().poison).toBeUndefined();
  await pushBlocks(keeper, chain, other, { from: 4n, to: 6n });
  const again = await reopened(keeper, disk, chain);
  const range = again.recovery.lanes.get(third);
  expect(range?.first).toBe(range?.next);
  await again.close();
});

test("a block in flight as its lane is dropped leaves nothing of it behind", async () => {
  const { disk, keeper } = await fresh(chain);
  disk.hold();
  await keeper.pushBlock(chain.block(lane, 0n).bytes);
  await turns();
  const dropping = keeper.dropLanesExcept(new Set([other]), { dropAll: true });
  disk.release();
  await dropping;
  expect(keeper.status().lanes.has(lane)).toBe(false);
  // It begins anew.
  await pushBlocks(keeper, chain, lane, { to: 2n });
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ lanes: { [lane]: laneOf(chain, lane, 0n, 2n) } });
  await again.close();
});
