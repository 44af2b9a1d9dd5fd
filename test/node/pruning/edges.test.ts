/** F8: a number is refused at the door, or is held, acknowledged and there at the next open. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Lanekeeper } from "../../../src/node/lanekeeper.js";
import type { MaySign } from "../../../src/persist/guards/may-sign.js";
import { buildAppQC, buildCommitQC, buildLaneQC } from "../../../src/testing/certificates.js";
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

test("the highest number is refused at each door, and the store goes on", async () => {
  if (!keys) throw new Error("a committee of one has a key");
  const { disk, keeper } = await fresh(chain);
  const first = blockAt(0n, new Uint8Array(32));
  const top = blockAt(U64_MAX, new Uint8Array(32));
  const { commitQC } = anchorOf(U64_MAX, first);
  const doors = {
    pushBlock: () => keeper.pushBlock(signBlock(top, keys)),
    pushLaneQC: () => keeper.pushLaneQC(buildLaneQC(top.header, chain.keys)),
    pushCommitQC: () => keeper.pushCommitQC(commitQC),
    pushAnchor: () => keeper.pushAnchor(anchorOf(U64_MAX, first)),
  };
  for (const push of Object.values(doors)) await refusal(push(), "INVALID");
  await refusal(keeper.release(lane, U64_MAX, "none is there"), "USAGE");
  await keeper.pushBlock(signBlock(first, keys));
  await keeper.waitForBlock(lane, 0n);
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 1n });
  await again.close();
});

test("a vote state and a guard may have any number of 64 bits, and mean the same after a reopen", async () => {
  for (const at of beside(2n ** 53n, 2n ** 63n, U64_MAX).filter((each) => each <= U64_MAX)) {
    const { disk, keeper } = await fresh(chain);
    await keeper.writeVoteState(Uint8Array.of(), at);
    const why = { by: "operator", reason: "the old disk says so" } as const;
    await keeper.raiseGuard({ lanes: at, byLane: new Map([[lane, at]]), votes: at }, why);
    const vote = { kind: "vote", roadIndex: at - 1n } as const;
    const block = { kind: "block", lane, number: at - 1n } as const;
    const asked = (of: Lanekeeper): MaySign[] => [of.maySign(vote), of.maySign(block)];
    const said = asked(keeper);
    expect(said).toMatchObject([{ code: "GUARDED" }, { code: "GUARDED" }]);
    const again = await reopened(keeper, disk, chain);
    expect(again.recovery.voteState).toBeDefined();
    expect(asked(again)).toEqual(said);
    const above = (): MaySign => again.maySign({ kind: "vote", roadIndex: at });
    if (at === U64_MAX) expect(above).toThrow("below 2^64 - 1");
    else expect(above()).toEqual({ may: true });
    await again.close();
  }
});
