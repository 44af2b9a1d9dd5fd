/** D6: a block that was in flight and is lost pins its number, until something covers it. */
import { expect, test } from "vitest";
import { buildLaneQC } from "../../../src/testing/certificates.js";
import { TestChain } from "../../model/chain.js";
import {
  contents,
  hex,
  laneAt,
  laneOf,
  opened,
  pushBlocks,
  pushQCs,
  refusal,
  reopened,
  turns,
} from "../kit.js";
import { pinnedStore } from "./pinned.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const pinned = chain.block(lane, 2n);

test("the pin names the lost block, and stands through a reopen", async () => {
  const { disk, keeper } = await pinnedStore(chain);
  const pins = [{ lane, number: 2n, headerHash: pinned.hash }];
  expect(keeper.recovery.pins).toEqual(pins);
  expect(keeper.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 2n });
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.pins).toEqual(pins);
  await again.close();
});

test("the pin is a warning of each open: the lane, the number, and every way out", async () => {
  const { disk, keeper } = await pinnedStore(chain);
  const again = await reopened(keeper, disk, chain);
  const { warnings } = again.recovery;
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(`lane ${lane}: `);
  const ways = ["a peer", "lane QC", "commit QC", "anchor", "release()"];
  for (const word of ["block 2 ", hex(pinned.hash), ...ways]) expect(warnings[0]).toContain(word);
  await pushBlocks(again, chain, lane, { from: 2n, to: 3n });
  const last = await reopened(again, disk, chain);
  expect(last.recovery.warnings).toEqual([]);
  await last.close();
});

test("another block at the number is refused, and the lane goes on with the pinned one", async () => {
  const { disk, keeper } = await pinnedStore(chain);
  const error = await refusal(keeper.pushBlock(chain.block(lane, 2n, 1).bytes), "PINNED");
  expect(error).toMatchObject({ lane, blockNumber: 2n });
  const offered = keeper.durableBlocks();
  const next = offered.next();
  await pushBlocks(keeper, chain, lane, { from: 2n, to: 4n });
  expect((await next).value).toEqual({ lane, number: 2n, headerHash: pinned.hash });
  await offered.return(undefined);
  expect(keeper.status().pins).toEqual([]);
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.pins).toEqual([]);
  expect(await contents(again)).toMatchObject({ lanes: { [lane]: laneOf(chain, lane, 0n, 4n) } });
  await again.close();
});

test("a lane QC that covers the number lifts the pin, durably; one below it does not", async () => {
  const { disk, keeper } = await pinnedStore(chain);
  await keeper.pushLaneQC(buildLaneQC(chain.block(lane, 1n).signed.msg.header, chain.keys));
  expect(keeper.status().pins).toHaveLength(1);
  const fork = chain.block(lane, 2n, 1);
  await keeper.pushLaneQC(buildLaneQC(fork.signed.msg.header, chain.keys));
  expect(keeper.status().pins).toEqual([]);
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.pins).toEqual([]);
  expect(await again.pushBlock(fork.bytes)).toEqual({ status: "admitted" });
  await again.waitForBlock(lane, 2n);
  await again.close();
});

test("a commit QC that covers the number lifts the pin", async () => {
  const { keeper } = await pinnedStore(chain);
  await pushQCs(keeper, chain, { to: 2n });
  expect(keeper.status().pins).toHaveLength(1);
  await pushQCs(keeper, chain, { from: 2n, to: 3n });
  await turns();
  expect(keeper.status().pins).toEqual([]);
  await keeper.close();
});

test("an anchor that covers the number lifts the pin", async () => {
  const { keeper } = await pinnedStore(chain);
  await keeper.pushAnchor(chain.qc(2n).anchor);
  await keeper.waitForAnchor(2n);
  await turns();
  expect(keeper.status().pins).toEqual([]);
  await keeper.close();
});

test("an operator lifts it with a reason, which stays on record", async () => {
  const { disk, keeper } = await pinnedStore(chain);
  await refusal(keeper.release(lane, 2n, "  "), "USAGE");
  await refusal(keeper.release(lane, 2n, "x".repeat(1001)), "USAGE");
  expect(keeper.status().pins).toHaveLength(1);
  await keeper.release(lane, 1n, "nothing is pinned there");
  expect(await keeper.releases()).toEqual([]);
  await keeper.release(lane, 2n, "asked all peers: nobody holds it");
  expect(keeper.status().pins).toEqual([]);
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.pins).toEqual([]);
  expect(await again.releases()).toMatchObject([
    { lane, number: 2n, headerHash: hex(pinned.hash), reason: "asked all peers: nobody holds it" },
  ]);
  expect(await again.pushBlock(chain.block(lane, 2n, 1).bytes)).toEqual({ status: "admitted" });
  await again.close();
});

test("the record is durable before the pin is lifted", async () => {
  const { disk, keeper } = await pinnedStore(chain);
  disk.hold(({ path }) => path.endsWith(".seg"));
  const released = keeper.release(lane, 2n, "asked all peers: nobody holds it");
  await turns();
  expect(keeper.status().pins).toHaveLength(1);
  const [cut] = disk.powerCuts(1, 1);
  disk.release();
  await released;
  expect(keeper.status().pins).toEqual([]);
  if (!cut) throw new Error("a power cut leaves something");
  const again = await opened(cut, chain);
  expect(again.recovery.pins).toHaveLength(1);
  await again.close();
});
