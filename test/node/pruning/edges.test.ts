/** F8: a number is refused at the door, or is held, acknowledged and there at the next open. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { buildAppQC, buildCommitQC } from "../../../src/testing/certificates.js";
import { U64_MAX } from "../../../src/types/numbers.js";
import { buildBlock, laneRangeOf, signBlock } from "../../../src/wire/build.js";
import { headerHash } from "../../../src/wire/hash.js";
import type { Block, PruneAnchor } from "../../../src/wire/messages.js";
import { globalRange } from "../../../src/wire/rules/proposal.js";
import { TestChain } from "../../model/chain.js";
import { beside } from "../../types/edges.js";
import { fresh, laneAt, pushAnchor, refusal, reopened } from "../kit.js";

const chain = new TestChain(1);
const lane = laneAt(chain, 0);
const [keys] = chain.keys;

/** A number that a block, a road index or a vote can have, with one behind it. */
const edge = fc.constantFrom(
  ...beside(1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 3n),
);

function blockAt(blockNumber: bigint, parentHash: Uint8Array): Block {
  const createdAt = { seconds: 1_700_000_000n, nanos: 0 };
  const payload = { createdAt, txs: [], totalGasWanted: 0n, totalGasEstimated: 0n };
  return buildBlock({ lane, blockNumber, parentHash, payload });
}

/** An anchor at `index`, by which the lane starts at `first`. */
function anchorOf(index: bigint, first: Block): PruneAnchor {
  const proposal = {
    view: { index, number: 0n, epochIndex: 0n },
    timestamp: { seconds: 1_700_000_000n, nanos: 0 },
    laneRanges: [laneRangeOf(lane, first.header.blockNumber, [first.header])],
    globalFirst: index,
  };
  const { first: globalFirst, next: globalNext } = globalRange(proposal);
  const appHash = new Uint8Array(32);
  const app = { roadIndex: index, appHash, epochIndex: 0n, globalFirst, globalNext };
  return { appQC: buildAppQC(app, chain.keys), commitQC: buildCommitQC(proposal, chain.keys) };
}

test("every edge of 64 bits: blocks, road, anchor and votes are there after a reopen", async () => {
  if (!keys) throw new Error("a committee of one has a key");
  const property = fc.asyncProperty(edge, edge, edge, async (number, index, vote) => {
    const { disk, keeper } = await fresh(chain);
    const block = blockAt(number, new Uint8Array(32));
    await pushAnchor(keeper, anchorOf(index, block));
    await keeper.pushBlock(signBlock(block, keys));
    await keeper.waitForBlock(lane, number);
    await keeper.writeVoteState(Uint8Array.of(), vote);
    const above = signBlock(blockAt(number + 1n, headerHash(block.header)), keys);
    if (number + 1n === U64_MAX) await refusal(keeper.pushBlock(above), "INVALID");
    const again = await reopened(keeper, disk, chain);
    expect(again.recovery.lanes.get(lane)).toEqual({ first: number, next: number + 1n });
    expect(again.recovery.road).toEqual({ first: index, next: index + 1n });
    expect(again.recovery.anchor?.commitQC.vote.view.index).toBe(index);
    expect(again.recovery.voteState).toBeDefined();
    if (number + 1n < U64_MAX) {
      await again.pushBlock(above);
      expect(await again.waitForBlock(lane, number + 1n)).toBe("durable");
    }
    await again.close();
  });
  await fc.assert(property, { numRuns: 40, seed: 1 });
});
