/** D7: after a failed write every waiter and every later call gets the first error. */
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { loseLastRecords } from "./kit.js";
import { TestChain } from "../model/chain.js";
import {
  contents,
  born,
  fingerprints,
  fresh,
  laneAt,
  laneOf,
  opened,
  pushBlocks,
  pushQCs,
  refusal,
  roadOf,
  turns,
} from "../node/kit.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);

test.each(["a segment", "the mark", "the anchor", "the vote state"])(
  "a failed write of %s: every waiter and later call gets POISONED with the root cause",
  async (what) => {
    const { disk, keeper } = await fresh(chain);
    await pushBlocks(keeper, chain, lane, { to: 2n });
    await pushQCs(keeper, chain, { to: 2n });
    await turns();
    const waiters = [
      refusal(keeper.waitForBlock(lane, 2n), "POISONED"),
      refusal(keeper.waitForCommitQC(2n), "POISONED"),
      refusal(keeper.waitForAnchor(1n), "POISONED"),
      refusal(keeper.durableBlocks().next(), "POISONED"),
    ];
    const paths = {
      "a segment": ".seg",
      "the mark": "/mark",
      "the anchor": "prune_anchor_a.pb",
      "the vote state": "consensus_a.pb",
    };
    const path = paths[what as keyof typeof paths];
    disk.fail({ operation: "write", path });
    if (what === "the anchor") await keeper.pushAnchor(chain.qc(1n).anchor);
    else if (what === "the vote state" || what === "the mark") {
      // No record waits for a mark; a vote does.
      await refusal(keeper.writeVoteState(Buffer.from([0x78, 1]), 1n), "POISONED");
    } else await keeper.pushBlock(chain.block(lane, 2n).bytes);
    await turns();
    const later = [
      refusal(keeper.pushBlock(chain.block(lane, 3n).bytes), "POISONED"),
      refusal(keeper.pushCommitQC(chain.qc(2n).bytes), "POISONED"),
      refusal(keeper.pushAnchor(chain.qc(1n).anchor), "POISONED"),
      refusal(keeper.writeVoteState(Buffer.from([0x78, 2]), 2n), "POISONED"),
      refusal(keeper.waitForBlock(lane, 9n), "POISONED"),
    ];
    const errors = await Promise.all([...waiters, ...later]);
    const { poison } = keeper.status();
    for (const error of errors) expect(error).toBe(poison);
    expect(poison?.cause).toMatchObject({ code: "IO" });
    expect(poison?.file).toContain(path.replace("/", ""));
    const before = fingerprints(disk);
    disk.heal();
    expect(await refusal(keeper.close(), "POISONED")).toBe(poison);
    expect(fingerprints(disk)).toEqual(before);

    const again = await opened(disk, chain);
    const found = await contents(again);
    const next = again.recovery.lanes.get(lane)?.next ?? 0n;
    expect(next).toBeGreaterThanOrEqual(2n);
    expect(found).toMatchObject({
      lanes: { [lane]: laneOf(chain, lane, again.recovery.anchor ? 1n : 0n, next) },
    });
    if (!again.recovery.anchor) expect(found).toMatchObject({ road: roadOf(chain, 0n, 2n) });
    await again.close();
  },
);

test("a failed flush is not tried again", async () => {
  let flushes = 0;
  const made = await born();
  const disk = made.kill({
    onStep: ({ change, phase, path }) => {
      if (change === "write" && phase === "started" && path.endsWith(".seg")) flushes += 1;
    },
  });
  const keeper = await opened(disk, chain);
  await turns();
  const before = flushes;
  disk.fail({ operation: "write", path: ".seg" });
  await keeper.pushBlock(chain.block(lane, 0n).bytes);
  await refusal(keeper.waitForBlock(lane, 0n), "POISONED");
  await turns();
  await refusal(keeper.close(), "POISONED");
  expect(flushes - before).toBe(1);
});

test("a poisoned store is refused nothing at the next open: the bytes are read and judged", async () => {
  const disk = new SimulatedDisk();
  const keeper = await opened(await born(disk), chain);
  disk.fail({ operation: "write", path: ".seg", effect: "nothing" });
  await keeper.pushBlock(chain.block(lane, 0n).bytes);
  await refusal(keeper.waitForBlock(lane, 0n), "POISONED");
  await refusal(keeper.close(), "POISONED");
  disk.heal();
  const again = await opened(disk, chain);
  expect(again.recovery.lanes.has(lane)).toBe(false);
  expect(again.recovery.pins).toEqual([]);
  await pushBlocks(again, chain, lane, { to: 1n });
  await again.close();
});

test("a block of which a poisoned store left only its group's footer is pinned", async () => {
  const disk = new SimulatedDisk();
  const keeper = await opened(await born(disk), chain);
  disk.fail({ operation: "write", path: ".seg", effect: "visible-not-durable" });
  await keeper.pushBlock(chain.block(lane, 0n).bytes);
  await refusal(keeper.waitForBlock(lane, 0n), "POISONED");
  await refusal(keeper.close(), "POISONED");
  disk.heal();
  loseLastRecords(disk);
  const again = await opened(disk, chain);
  expect(again.recovery.lanes.has(lane)).toBe(false);
  expect(again.recovery.pins).toMatchObject([{ lane, number: 0n }]);
  await refusal(again.pushBlock(chain.block(lane, 0n, 1).bytes), "PINNED");
  await pushBlocks(again, chain, lane, { to: 1n });
  expect(again.status().pins).toEqual([]);
  await again.close();
});
