/**
 * Rounds of the persister against the floor: 16 lanes, one block each, and a commit QC, all durable.
 * Each case runs with a new prune anchor each round, or without: then the anchor moves between the timed
 * rounds, as the lanes' capacity demands, and the store is at rest before the next round begins.
 *
 * Nothing is signed or verified. Traffic is made before the clock runs, of bytes that are cheap to make: else
 * the garbage of the benchmark itself decides its slowest rounds. A block comes with its hash, a commit QC and an
 * anchor with the digest of their proposal: whoever verified their signatures has computed them. Header hashes
 * alone are the real ones, since the block that becomes the first of its lane is compared with its own.
 *
 * Each case runs in a process of its own: as a program (`node persist.mjs '{"recordBytes":300,...}'`) it runs one
 * case and prints its figures as JSON.
 */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AvailabilityState } from "../../dist/avail/availability-state.js";
import { runPersist } from "../../dist/avail/run-persist.js";
import { realSurroundings } from "../../dist/disk/surroundings.js";
import { openLogMap } from "../../dist/log/map/level-map.js";
import { knownAnchor } from "../../dist/persist/anchor.js";
import { newCommitQC } from "../../dist/persist/commit-qc-persister.js";
import { startOf } from "../../dist/node/start.js";
import { initPersisters, openPersisters } from "../../dist/persist/persisters.js";
import { laneIdOf } from "../../dist/types/lane.js";
import { Verifier } from "../../dist/wire/verifier.js";
import { encodeSignedBlock } from "../../dist/wire/codec/encode.js";
import { headerHash } from "../../dist/wire/hash.js";
import { openFloor } from "./floor.mjs";

const LANES = 16;
const CHAIN_ID = "bench";
const HEADER_BYTES = 270;
const PAYLOAD = {
  createdAt: { seconds: 0n, nanos: 0 },
  totalGasWanted: 0n,
  totalGasEstimated: 0n,
};
const SIGNATURE = { key: new Uint8Array(32), bytes: new Uint8Array(64) };

const self = fileURLToPath(import.meta.url);

/** The targets of a round, as multiples of the floor's. */
export const persistTargets = [
  { recordBytes: 300, plain: 2.2, anchored: 2.5 },
  { recordBytes: 4 * 1024, plain: 2, anchored: 2.3 },
  { recordBytes: 64 * 1024, plain: 1.6, anchored: 1.8 },
  { recordBytes: 512 * 1024, plain: 1.05, anchored: 1.15 },
];

/** Runs one case in a process of its own. */
export async function benchPersist(shape) {
  const { stdout } = await promisify(execFile)(process.execPath, [self, JSON.stringify(shape)]);
  return JSON.parse(stdout);
}

/** Runs floor and persister in turns, round by round, and returns the figures of one record size. */
async function runRounds({ recordBytes, rounds, anchored }) {
  const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-"));
  const floor = openFloor(directory);
  try {
    const persisters = await openStore(join(directory, "store"));
    const state = new AvailabilityState(
      startOf(
        persisters,
        { epochOf: () => undefined, cacheBytes: 64 * 1024 * 1024 },
        new Verifier(),
      ),
    );
    const running = runPersist(state, persisters);
    const traffic = makeTraffic(recordBytes);
    const times = { floor: [], persist: [], settled: [] };
    let rssMiB = 0;
    for (let round = 0n; round < BigInt(rounds); round++) {
      times.floor.push(floor.round(traffic.floorBuffers));
      const [durable, settled] = await persistRound(state, traffic, round, anchored);
      times.persist.push(durable);
      times.settled.push(settled);
      if (round % 16n === 0n) rssMiB = Math.max(rssMiB, process.memoryUsage.rss() / 1024 / 1024);
    }
    const { counters, flush } = persisters.journal;
    state.inner.close();
    await running;
    await persisters.close();
    return { ...figures({ recordBytes, rounds, anchored, times, counters, flush }), rssMiB };
  } finally {
    floor.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function openStore(directory) {
  const common = {
    ...realSurroundings(),
    directory,
    chainId: CHAIN_ID,
    segmentBytes: 4 * 1024 * 1024,
  };
  await initPersisters({ ...common, nowMs: BigInt(Date.now()) });
  return await openPersisters({
    ...common,
    retainBytes: 0,
    moved: false,
    verifyAnchor: () => Promise.reject(new Error("a new store has no anchor")),
    openMap: (end) => openLogMap(common.disk, join(directory, "index"), end),
  });
}

/** An anchor so many rounds behind the newest one keeps every lane within its capacity of 30 blocks. */
const ANCHOR_BEHIND = 20n;
/** How often it is moved between timed rounds. */
const ROUNDS_PER_ANCHOR = 5n;

async function persistRound(state, traffic, round, anchored) {
  const { lanes } = traffic;
  const blocks = lanes.map((lane) => traffic.block(lane, round));
  const qc = traffic.qc(round);
  const behind = round - ANCHOR_BEHIND;
  const anchor = anchored && behind >= 0n ? knownAnchor(traffic.anchor(behind)) : undefined;
  if (!anchored && behind >= 0n && round % ROUNDS_PER_ANCHOR === 0n) {
    await moveAnchor(state, traffic, behind);
  }
  const began = performance.now();
  if (anchor) state.admitAnchor(anchor);
  for (const [index, lane] of lanes.entries()) {
    const admission = await state.admitBlock(lane, blocks[index]);
    if (admission.status !== "admitted") throw new Error(admission.reason);
  }
  state.admitCommitQC(qc);
  await Promise.all([
    ...lanes.map((lane) => state.waitForBlock(lane, round)),
    state.waitForCommitQC(round),
  ]);
  const durable = performance.now() - began;
  if (anchor) await state.waitForAnchor(behind);
  return [durable, performance.now() - began];
}

/** Moves the anchor, and waits for everything that is written for it. Not timed. */
async function moveAnchor(state, traffic, index) {
  state.admitAnchor(knownAnchor(traffic.anchor(index)));
  await state.waitForAnchor(index);
  await new Promise((resolve) => setTimeout(resolve, 30));
}

function makeTraffic(recordBytes) {
  const lanes = Array.from({ length: LANES }, (_, index) =>
    laneIdOf(createHash("sha256").update(`bench ${index}`).digest(), 0n),
  );
  // A block of `recordBytes` in all; the floor writes as many bytes.
  const bytes = lanes.map(() => randomBytes(Math.max(1, recordBytes - HEADER_BYTES)));
  const laneIndex = new Map(lanes.map((lane, index) => [lane, index]));
  const fakeHash = (number) => {
    const hash = new Uint8Array(32);
    new DataView(hash.buffer).setBigUint64(0, number);
    return hash;
  };
  /** Header hashes of the blocks made so far, by lane. */
  const hashes = new Map(lanes.map((lane) => [lane, []]));
  const proposal = (index) => ({
    view: { index, number: 0n, epochIndex: 0n },
    timestamp: { seconds: 0n, nanos: 0 },
    laneRanges: lanes.map((lane) => ({
      lane,
      first: index,
      next: index + 1n,
      lastHash: hashes.get(lane)[index],
    })),
    globalFirst: index * BigInt(LANES),
  });
  const certificate = (vote) => ({ vote, sigs: lanes.slice(0, 11).map(() => SIGNATURE) });
  return {
    lanes,
    floorBuffers: lanes.map(() => randomBytes(recordBytes)),
    block: (lane, number) => {
      const parentHash = hashes.get(lane)[number - 1n] ?? new Uint8Array(32);
      const payload = { ...PAYLOAD, txs: [bytes[laneIndex.get(lane)]] };
      const header = {
        lane,
        blockNumber: number,
        parentHash,
        payloadHash: fakeHash(number),
      };
      const hash = headerHash(header);
      hashes.get(lane)[number] = hash;
      const block = encodeSignedBlock({ msg: { header, payload }, sig: SIGNATURE });
      return { number, payload: block, hash, parentHash };
    },
    qc: (index) => {
      const value = certificate(proposal(index));
      return newCommitQC(value);
    },
    anchor: (index) => ({
      commitQC: certificate(proposal(index)),
      appQC: certificate({
        roadIndex: index,
        appHash: fakeHash(index),
        epochIndex: 0n,
        globalFirst: index * BigInt(LANES),
        globalNext: (index + 1n) * BigInt(LANES),
      }),
    }),
  };
}

function figures({ recordBytes, rounds, anchored, times, counters, flush }) {
  // The first tenth warms up code and page cache.
  const of = (name) => times[name].slice(Math.ceil(rounds / 10)).sort((a, b) => a - b);
  const at = (sorted, share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  const floor = of("floor");
  const persist = of("persist");
  const settled = of("settled");
  return {
    recordBytes,
    lanes: LANES,
    rounds,
    anchorEachRound: anchored,
    floorMs: { p50: at(floor, 0.5), p99: at(floor, 0.99) },
    persistMs: { p50: at(persist, 0.5), p99: at(persist, 0.99) },
    withAnchorMs: { p50: at(settled, 0.5), p99: at(settled, 0.99) },
    ratio: at(persist, 0.5) / at(floor, 0.5),
    tail: at(persist, 0.99) / at(persist, 0.5),
    groupsPerRound: counters.groups / rounds,
    blockingPerRound: flush.blockingGroups / rounds,
    rotations: counters.rotations,
  };
}

if (process.argv[1] === self) {
  console.log(JSON.stringify(await runRounds(JSON.parse(process.argv[2]))));
}
