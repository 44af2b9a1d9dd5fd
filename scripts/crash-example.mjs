/**
 * Your own node, and the power gone a hundred times. `run` is the node: it makes blocks of its lane and
 * counts those that are durable. `check` sees what comes back. `npm run build`, then
 * `node scripts/crash-example.mjs [SEED]`.
 */
import assert from "node:assert/strict";
import { Committee } from "lanekeeper";
import { crashTest } from "lanekeeper/testing";
import {
  buildBlock,
  decodeSignedBlock,
  headerHash,
  keyPairFromSeed,
  signBlock,
} from "lanekeeper/wire";

const keys = keyPairFromSeed(Buffer.alloc(32, 7));
const committee = Committee.genesis([{ key: keys.publicKey, weight: 1n }]);
const epoch = { index: 0n, firstRoad: 0n, nextRoad: 1_000n, committee };
const [{ lane }] = committee.members;
const payload = {
  createdAt: { seconds: 0n, nanos: 0 },
  txs: [],
  totalGasWanted: 0n,
  totalGasEstimated: 0n,
};
let durable = 0n; // the first number that the store has not acknowledged

async function run(keeper) {
  let next = keeper.recovery.lanes.get(lane)?.next ?? 0n;
  const last = next === 0n ? undefined : decodeSignedBlock(await keeper.readBlock(lane, next - 1n));
  let parentHash = last ? headerHash(last.msg.header) : new Uint8Array(32);
  for (; next < 30n; next += 1n) {
    const block = buildBlock({ lane, blockNumber: next, parentHash, payload });
    await keeper.pushBlock(signBlock(block, keys));
    await keeper.waitForBlock(lane, next); // only now may the node vote for it
    durable = next + 1n;
    parentHash = headerHash(block.header);
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
  epochOf: (index) => (index === 0n ? epoch : undefined),
  segmentBytes: 64 * 1024,
  run,
  check,
});
console.log(
  `${report.powerCuts} power cuts and ${report.kills} kills: no acknowledged block is lost`,
);
