/** A store whose last block was in flight when the power went (D6): its number is pinned. */
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import type { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { loseLastRecords } from "../../journal/kit.js";
import type { TestChain } from "../../model/chain.js";
import { fresh, laneAt, opened, pushBlocks, turns } from "../kit.js";

/** Block 2 of the first lane was in flight: its group's footer arrived, the block did not. */
export async function pinnedStore(
  chain: TestChain,
): Promise<{ disk: SimulatedDisk; keeper: Lanekeeper }> {
  const lane = laneAt(chain, 0);
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 2n });
  await turns();
  disk.hold(({ path }) => path.endsWith(".seg"));
  await keeper.pushBlock(chain.block(lane, 2n).bytes);
  await turns();
  disk.crash();
  const cut = disk.kill();
  loseLastRecords(cut);
  return { disk: cut, keeper: await opened(cut, chain) };
}
