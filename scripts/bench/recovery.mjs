/**
 * Opening a store against reading its journal: the same bytes, from the page cache, with a CRC-32C
 * over them and nothing else. Each open is in a process of its own, whose peak memory is told too.
 * Opening a store with the same live records after few anchors and after many: start-up follows the records
 * that are not pruned, never the history (D9).
 *
 * As a program of its own (`node recovery.mjs DIR`) it does one open and prints it.
 */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AvailabilityState } from "../../dist/avail/availability-state.js";
import { runPersist } from "../../dist/avail/run-persist.js";
import { crc32c } from "../../dist/codec/crc32c.js";
import { realSurroundings } from "../../dist/disk/surroundings.js";
import { openLogMap } from "../../dist/log/map/level-map.js";
import { knownAnchor } from "../../dist/persist/anchor.js";
import { newCommitQC } from "../../dist/persist/commit-qc-persister.js";
import { startOf } from "../../dist/node/start.js";
import { initPersisters, openPersisters } from "../../dist/persist/persisters.js";
import { verifyAnchor } from "../../dist/wire/rules/verify.js";
import { laneIdOf } from "../../dist/types/lane.js";
import { U64_MAX } from "../../dist/types/numbers.js";
import { buildAppQC, buildCommitQC } from "../../dist/testing/certificates.js";
import { Committee } from "../../dist/wire/committee.js";
import { keyPairFromSeed } from "../../dist/wire/signatures/signer.js";
import { Verifier } from "../../dist/wire/verifier.js";
import { encodeSignedBlock } from "../../dist/wire/codec/encode.js";
import { headerHash } from "../../dist/wire/hash.js";

const CHAIN_ID = "bench";
const OPENS = 5;
const PAYLOAD = {
  createdAt: { seconds: 0n, nanos: 0 },
  totalGasWanted: 0n,
  totalGasEstimated: 0n,
};
const SIGNATURE = { key: new Uint8Array(32), bytes: new Uint8Array(64) };
/** An anchor each round, so many rounds behind the newest one, keeps every lane within its capacity. */
const ANCHOR_BEHIND = 20n;
const keys = Array.from({ length: 16 }, (_, index) =>
  keyPairFromSeed(createHash("sha256").update(`bench ${index}`).digest()),
);
const epoch = {
  index: 0n,
  firstRoad: 0n,
  nextRoad: U64_MAX,
  committee: Committee.genesis(keys.map(({ publicKey }) => ({ key: publicKey, weight: 1n }))),
};
const epochOf = (index) => (index === 0n ? epoch : undefined);
const self = fileURLToPath(import.meta.url);

/** `lanes` x `blocks` of `recordBytes`: how long an open of them takes. */
export async function benchRecovery({ lanes, blocks, recordBytes }) {
  const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-"));
  const store = join(directory, "store");
  try {
    await fill(store, { lanes, blocks, recordBytes });
    const runs = [];
    for (let each = 0; each < OPENS; each++) runs.push(await openInChild(store));
    const of = (list, key) => median(list.map((run) => run[key]));
    return {
      lanes,
      blocks,
      recordBytes,
      readMs: of(runs, "readMs"),
      openMs: of(runs, "openMs"),
      ratio: of(runs, "openMs") / of(runs, "readMs"),
      warmRatio: of(runs, "warmMs") / of(runs, "readMs"),
      records: runs[0].records,
      rssMiB: Math.max(...runs.map(({ rssMiB }) => rssMiB)),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same live blocks after each number of `anchors`: how long an open of them takes. */
export async function benchHistory({ anchors, recordBytes }) {
  const rows = [];
  for (const count of anchors) {
    const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-"));
    const store = join(directory, "store");
    try {
      await fillAnchored(store, { anchors: count, recordBytes });
      const runs = [];
      for (let each = 0; each < OPENS; each++) runs.push(await openInChild(store));
      rows.push({
        anchors: count,
        openMs: median(runs.map(({ openMs }) => openMs)),
        records: runs[0].records,
        rssMiB: Math.max(...runs.map(({ rssMiB }) => rssMiB)),
        storeMiB: journalMiB(store),
      });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return { recordBytes, rows, ratio: rows.at(-1).openMs / rows[0].openMs };
}

async function fill(directory, { lanes, blocks, recordBytes }) {
  const { state, close } = await runningStore(directory);
  for (let lane = 0; lane < lanes; lane++) {
    const id = laneIdOf(createHash("sha256").update(`bench ${lane}`).digest(), 0n);
    const chain = chainOf(id, recordBytes);
    for (let number = 0n; number < BigInt(blocks); number++) {
      await state.admitBlock(id, chain.next());
    }
    await state.waitForBlock(id, BigInt(blocks) - 1n);
  }
  await close();
}

/** Rounds of a block in each lane and an anchor, the last of which is signed: open proves it. */
export async function fillAnchored(directory, { anchors, recordBytes, retainBytes = 0 }) {
  const { state, close } = await runningStore(directory, retainBytes);
  const chains = epoch.committee.members.map(({ lane }) => chainOf(lane, recordBytes));
  for (let round = 0n; round < BigInt(anchors) + ANCHOR_BEHIND; round++) {
    const index = round - ANCHOR_BEHIND;
    if (index >= 0n) {
      const isLast = round === BigInt(anchors) + ANCHOR_BEHIND - 1n;
      state.admitAnchor(knownAnchor(anchorAt(index, chains, isLast)));
    }
    for (const chain of chains) await state.admitBlock(chain.lane, chain.next());
    const qc = unsigned(proposalAt(round, chains));
    state.admitCommitQC(newCommitQC(qc));
    await state.waitForCommitQC(round);
    if (index >= 0n) await state.waitForAnchor(index);
  }
  await close();
}

/** A lane's chain of blocks, made one by one. */
function chainOf(lane, recordBytes) {
  const hashes = [];
  const next = () => {
    const number = BigInt(hashes.length);
    const parentHash = hashes.at(-1) ?? new Uint8Array(32);
    const payload = { ...PAYLOAD, txs: [randomBytes(recordBytes - 270)] };
    const payloadHash = createHash("sha256").update(`${number}`).digest();
    const header = { lane, blockNumber: number, parentHash, payloadHash };
    const hash = headerHash(header);
    hashes.push(hash);
    const bytes = encodeSignedBlock({ msg: { header, payload }, sig: SIGNATURE });
    return { number, payload: bytes, hash, parentHash };
  };
  return { lane, next, hashOf: (number) => hashes[Number(number)] };
}

function proposalAt(index, chains) {
  return {
    view: { index, number: 0n, epochIndex: 0n },
    timestamp: { seconds: index, nanos: 0 },
    laneRanges: chains.map((chain) => {
      return { lane: chain.lane, first: index, next: index + 1n, lastHash: chain.hashOf(index) };
    }),
    globalFirst: index * BigInt(chains.length),
  };
}

function anchorAt(index, chains, isSigned) {
  const proposal = proposalAt(index, chains);
  const app = {
    roadIndex: index,
    appHash: new Uint8Array(32),
    epochIndex: 0n,
    globalFirst: proposal.globalFirst,
    globalNext: proposal.globalFirst + BigInt(chains.length),
  };
  if (!isSigned) return { appQC: unsigned(app), commitQC: unsigned(proposal) };
  return { appQC: buildAppQC(app, keys), commitQC: buildCommitQC(proposal, keys) };
}

function unsigned(vote) {
  return { vote, sigs: keys.map(() => SIGNATURE) };
}

async function runningStore(directory, retainBytes = 0) {
  const persisters = await openStore(directory, { fresh: true, retainBytes });
  const state = new AvailabilityState(
    startOf(persisters, { epochOf, cacheBytes: 0 }, new Verifier()),
  );
  const running = runPersist(state, persisters);
  const close = async () => {
    state.inner.close();
    await running;
    await persisters.close();
  };
  return { state, close };
}

/** Opens the store; `fresh`: makes it first. */
export async function openStore(directory, { fresh = false, retainBytes = 0 } = {}) {
  const common = {
    ...realSurroundings(),
    directory,
    chainId: CHAIN_ID,
    segmentBytes: 4 * 1024 * 1024,
  };
  if (fresh) await initPersisters({ ...common, nowMs: BigInt(Date.now()) });
  return await openPersisters({
    ...common,
    retainBytes,
    moved: false,
    verifyAnchor: (anchor) => verifyAnchor(anchor, epochOf),
    openMap: (end) => openLogMap(common.disk, join(directory, "index"), end),
  });
}

async function openInChild(directory) {
  const { stdout } = await promisify(execFile)(process.execPath, [self, directory]);
  return JSON.parse(stdout);
}

function journalMiB(directory) {
  const names = readdirSync(join(directory, "journal"));
  const bytes = names.reduce(
    (sum, name) => sum + statSync(join(directory, "journal", name)).size,
    0,
  );
  return bytes / 1024 / 1024;
}

/** Reads every journal file to its end with a CRC-32C over it. */
function readAll(directory) {
  const chunk = Buffer.allocUnsafe(1024 * 1024);
  for (const name of readdirSync(join(directory, "journal"))) {
    const file = openSync(join(directory, "journal", name), "r");
    for (let at = 0; ; ) {
      const count = readSync(file, chunk, 0, chunk.length, at);
      if (count === 0) break;
      crc32c(chunk.subarray(0, count));
      at += count;
    }
    closeSync(file);
  }
}

/** The first open of a process, whose code runs for the first time, and later ones of the same. */
async function openOnce(directory) {
  // The first turns of a process collect the garbage of its imports: that time is not the store's.
  await sleep(50);
  readAll(directory);
  const began = performance.now();
  readAll(directory);
  const read = performance.now();
  const persisters = await openStore(directory);
  const opened = performance.now();
  const figures = {
    readMs: read - began,
    openMs: opened - read,
    records: persisters.report.recordsRead,
    rssMiB: peakMiB(),
  };
  await persisters.close();
  const again = [];
  for (let each = 0; each < OPENS; each++) {
    const start = performance.now();
    const later = await openStore(directory);
    again.push(performance.now() - start);
    await later.close();
  }
  return { ...figures, warmMs: median(again) };
}

/** The peak of this program alone: `maxRSS` would count the memory of its parent at its start. */
export function peakMiB() {
  const status = "/proc/self/status";
  if (!existsSync(status)) return process.memoryUsage().rss / 1024 / 1024;
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(status, "utf8"))[1]) / 1024;
}

export function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

if (process.argv[1] === self) {
  const [, , directory] = process.argv;
  console.log(JSON.stringify(await openOnce(directory)));
}
