/**
 * Your own node, and the power gone a hundred times. `run` is the node: it makes blocks of its lane and
 * counts those that are durable. `check` sees the store that comes back. `npm run build`, then
 * `node scripts/crash-example.mjs [SEED]`.
 */
import assert from "node:assert/strict";
import { crashTest, soloValidator } from "lanekeeper/testing";

const { lane, epochOf, blockAfter } = soloValidator();
let durable = 0n; // the first number that the store has not acknowledged

async function run(keeper) {
  let next = keeper.recovery.lanes.get(lane)?.next ?? 0n;
  let block = next === 0n ? undefined : await keeper.readBlock(lane, next - 1n);
  for (; next < 30n; next += 1n) {
    block = blockAfter(block, Buffer.from(`transaction ${next}`));
    await keeper.pushBlock(block);
    await keeper.waitForBlock(lane, next); // only now may the node vote for it
    durable = next + 1n;
  }
}

function check(keeper) {
  const recovered = keeper.recovery.lanes.get(lane)?.next ?? 0n;
  assert(recovered >= durable, `block ${durable - 1n} was acknowledged, and is gone`);
}

export const report = await crashTest({
  seed: Number(process.argv[2] ?? 1),
  cuts: 100,
  chainId: "example-1",
  epochOf,
  segmentBytes: 64 * 1024,
  run,
  check,
});
const { powerCuts, kills } = report;
console.log(`${powerCuts} power cuts and ${kills} kills: no acknowledged block is lost`);
