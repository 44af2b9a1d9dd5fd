/** A turn writes all lanes together, and waits for nothing that it need not. */
import { expect, test } from "vitest";
import { TestChain } from "../model/chain.js";
import { fresh, laneAt, pushAnchor, pushQCs, turns } from "../node/kit.js";

test("blocks of forty lanes that are pushed together are one group", async () => {
  const chain = new TestChain(40, 10);
  const { keeper } = await fresh(chain);
  await turns();
  const before = keeper.status().counters.groups;
  await Promise.all(chain.lanes.map((lane) => keeper.pushBlock(chain.block(lane, 0n).bytes)));
  await Promise.all(chain.lanes.map((lane) => keeper.waitForBlock(lane, 0n)));
  expect(keeper.status().counters.groups - before).toBe(1);
  await keeper.close();
});

test("D3 nothing is pruned before the anchor is durable, and then all that it passed is", async () => {
  const chain = new TestChain(3, 10);
  const lane = laneAt(chain, 0);
  const { disk, keeper } = await fresh(chain);
  for (let number = 0n; number < 4n; number++) {
    for (const each of chain.lanes) await keeper.pushBlock(chain.block(each, number).bytes);
  }
  await pushQCs(keeper, chain, { to: 4n });
  disk.hold(({ path }) => path.includes("prune_anchor"));
  await keeper.pushAnchor(chain.qc(2n).anchor);
  await keeper.pushBlock(chain.block(lane, 4n).bytes);
  await turns();
  expect(keeper.status().lanes.get(lane)?.first).toBe(0n);
  disk.release();
  await keeper.waitForBlock(lane, 4n);
  await pushAnchor(keeper, chain.qc(3n).anchor);
  await turns();
  expect(keeper.status().lanes.get(lane)).toMatchObject({ first: 3n, durable: 5n, lag: 0n });
  await keeper.close();
});
