/**
 * The life of a validator's store in one page, to be copied: init, open, recover, push, wait until
 * durable, vote, commit, anchor, close. `npm run example`, or after `npm run build`:
 *
 *     node scripts/example.mjs [STATE-DIR]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { Committee, Lanekeeper } from "lanekeeper";
import {
  U64_MAX,
  buildBlock,
  certifyApp,
  certifyCommit,
  decodeSignedBlock,
  globalRange,
  headerHash,
  keyPairFromSeed,
  laneRangeOf,
  signAppVote,
  signBlock,
  signCommitVote,
  signLaneVote,
} from "lanekeeper/wire";

const chainId = "example-1";
// Without a directory it makes one for itself, and takes it away again.
const temporary = process.argv[2] ? undefined : mkdtempSync(join(tmpdir(), "lanekeeper-"));
const directory = process.argv[2] ?? join(temporary, "state");

// A committee of one: a lane each, named by its owner's key. Real keys come from a key store.
const keys = keyPairFromSeed(createHash("sha256").update("example").digest());
const committee = Committee.genesis([{ key: keys.publicKey, weight: 1n }]);
const epoch = { index: 0n, firstRoad: 0n, nextRoad: U64_MAX, committee };
const epochOf = (index) => (index === 0n ? epoch : undefined);
const [{ lane }] = committee.members;

// 1. Once in a validator's life. A store is never made by opening it.
if (temporary) await Lanekeeper.init(directory, { chainId });

// 2. At each start. `await using` (or `close`) writes what is queued and lets go of the lock.
const keeper = await Lanekeeper.open(directory, { chainId, epochOf });
try {
  // 3. The recovery says what is there, and what must not be signed: pins, and rounds to abstain in.
  const { recovery } = keeper;
  for (const warning of recovery.warnings) console.error(`recovery: ${warning}`);
  for (const { number } of recovery.pins)
    console.log(`sign at ${number} only what is pinned there`);
  if (recovery.abstainThrough !== undefined) {
    console.log(`abstain up to road ${recovery.abstainThrough}`);
  }
  const first = recovery.lanes.get(lane)?.next ?? 0n;
  let parentHash = new Uint8Array(32);
  if (first > 0n) parentHash = await hashOfLast(keeper, lane, first - 1n);
  const road = recovery.road.next;

  // 4. A block of our own lane: signed, pushed, and voted for when it is durable. Not before.
  const block = buildBlock({
    lane,
    blockNumber: first,
    parentHash,
    payload: {
      createdAt: { seconds: BigInt(Math.floor(Date.now() / 1000)), nanos: 0 },
      txs: [Buffer.from(`block ${first}`)],
      totalGasWanted: 0n,
      totalGasEstimated: 0n,
    },
  });
  const admission = await keeper.pushBlock(signBlock(block, keys));
  if (admission.status === "dropped") throw new Error(admission.reason);
  await keeper.waitForBlock(lane, first, { signal: AbortSignal.timeout(10_000) });
  const vote = signLaneVote(block.header, keys);
  console.log(`block ${first} is durable: the vote may leave (${vote.sig.bytes.length} bytes)`);

  // 5. Consensus: the vote state before a vote leaves, the commit QC before the next round.
  const proposal = {
    view: { index: road, number: 0n, epochIndex: 0n },
    timestamp: { seconds: BigInt(Math.floor(Date.now() / 1000)), nanos: 0 },
    laneRanges: [laneRangeOf(lane, first, [block.header])],
    globalFirst: road,
  };
  const qc = await certifyCommit([signCommitVote(proposal, keys)], epoch);
  await keeper.pushCommitQC(qc);
  await keeper.waitForCommitQC(road);

  // 6. Executed and signed by the quorum: an anchor. Everything below it is forgotten.
  const { first: globalFirst, next: globalNext } = globalRange(proposal);
  const appHash = createHash("sha256").update(headerHash(block.header)).digest();
  const app = { roadIndex: road, appHash, epochIndex: 0n, globalFirst, globalNext };
  const appQC = await certifyApp([signAppVote(app, keys)], committee);
  await keeper.pushAnchor({ appQC, commitQC: qc });
  await keeper.waitForAnchor(road);
  const { lanes, disk } = keeper.status();
  const { first: kept, next } = lanes.get(lane);
  console.log(`anchor ${road}: lane [${kept}, ${next}), ${disk.bytes} bytes of journal`);
} finally {
  await keeper.close();
  if (temporary) rmSync(temporary, { recursive: true });
}

async function hashOfLast(store, of, number) {
  return headerHash(decodeSignedBlock(await store.readBlock(of, number)).msg.header);
}
