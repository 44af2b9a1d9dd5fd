/** Anchors that contradict what is known: refused before anything changed, and told from old ones. */
import { expect, test } from "vitest";
import type { Epoch } from "../../src/wire/committee.js";
import { TestChain } from "../model/chain.js";
import {
  anchorAt,
  fresh,
  laneAt,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
  reopened,
  turns,
} from "../node/kit.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);

test("a backward anchor, and the same one again, change nothing", async () => {
  const { keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 6n });
  await pushQCs(keeper, chain, { to: 6n });
  await pushAnchor(keeper, chain.qc(4n).anchor);
  for (const index of [4n, 3n, 0n]) await keeper.pushAnchor(chain.qc(index).anchor);
  await turns();
  const { anchorRoadIndex, road, lanes } = keeper.status();
  expect([anchorRoadIndex, road.first, lanes.get(lane)?.first]).toEqual([4n, 4n, 4n]);
  await keeper.close();
});

test("at a held index one of another proposal is a conflict, also where the index is not new", async () => {
  const { keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 6n });
  await pushAnchor(keeper, chain.qc(4n).anchor);
  for (const index of [4n, 5n]) {
    const error = await refusal(keeper.pushAnchor(chain.qc(index, 1).anchor), "CONFLICT");
    expect(error.roadIndex).toBe(index);
  }
  expect(keeper.status().anchorRoadIndex).toBe(4n);
  await keeper.close();
});

test("while an anchor is on its way, a QC or anchor of another proposal at its index is a conflict", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 5n });
  disk.hold(({ path }) => path.includes("prune_anchor"));
  await keeper.pushAnchor(chain.qc(5n).anchor);
  await refusal(keeper.pushCommitQC(chain.qc(5n, 1).bytes), "CONFLICT");
  await refusal(keeper.pushAnchor(chain.qc(5n, 1).anchor), "CONFLICT");
  disk.release();
  await keeper.waitForAnchor(5n);
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.road).toEqual({ first: 5n, next: 6n });
  await again.close();
});

test("D3 starts only rise: an anchor that would lower one is refused, and the store reopens", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushAnchor(keeper, anchorAt(chain, 3n, [4n, 4n]));
  const error = await refusal(keeper.pushAnchor(anchorAt(chain, 5n, [2n, 4n])), "CONFLICT");
  expect([error.lane, error.roadIndex]).toEqual([lane, 5n]);
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.lanes.get(lane)).toEqual({ first: 4n, next: 4n });
  await again.close();
});

test("a durable anchor brings its epoch: blocks of a lane that joined there are taken", async () => {
  const later = new TestChain(3);
  const joined = later.lanes.find((each) => !chain.lanes.includes(each)) ?? lane;
  const epochOf = (index: bigint): Epoch | undefined => {
    if (index === 0n) return { ...chain.epoch, nextRoad: 5n };
    if (index > 1n) return undefined;
    return { ...later.epoch, index, firstRoad: 5n };
  };
  const { keeper } = await fresh(Object.assign(new TestChain(2), { epochOf }));
  const { bytes } = later.block(joined, 0n);
  await refusal(keeper.pushBlock(bytes), "INVALID");
  const starts = later.lanes.map((each) => (each === joined ? undefined : 1n));
  await pushAnchor(keeper, anchorAt(later, 5n, starts, 1n));
  expect(await keeper.pushBlock(bytes)).toMatchObject({ status: "admitted" });
  await keeper.waitForBlock(joined, 0n);
  await keeper.close();
});
