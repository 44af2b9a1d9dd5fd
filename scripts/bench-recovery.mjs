/**
 * Opening a store against reading its journal: the same bytes, from the page cache, with a CRC-32C
 * over them and nothing else. Each open is in a process of its own, whose peak memory is told too.
 *
 * As a program of its own (`node bench-recovery.mjs DIR`) it does one open and prints it.
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
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AvailabilityState } from "../dist/avail/availability-state.js";
import { runPersist } from "../dist/avail/run-persist.js";
import { crc32c } from "../dist/codec/crc32c.js";
import { RealDisk } from "../dist/disk/real.js";
import { memoryLogMap, openLogMap } from "../dist/log/log-map.js";
import { startOf } from "../dist/node/recovery.js";
import { initPersisters, openPersisters } from "../dist/persist/persisters.js";
import { laneIdOf } from "../dist/types/lane.js";
import { Verifier } from "../dist/wire/verifier.js";
import { encodeSignedBlock } from "../dist/wire/encode.js";
import { headerHash } from "../dist/wire/hash.js";

const CHAIN_ID = "bench";
const OPENS = 5;
const PAYLOAD = {
  createdAt: { seconds: 0n, nanos: 0 },
  totalGasWanted: 0n,
  totalGasEstimated: 0n,
};
const SIGNATURE = { key: new Uint8Array(32), bytes: new Uint8Array(64) };
const self = fileURLToPath(import.meta.url);

/** `lanes` x `blocks` of `recordBytes`: how long an open of them takes, with the map and without. */
export async function benchRecovery({ lanes, blocks, recordBytes }) {
  const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-"));
  const store = join(directory, "store");
  try {
    await fill(store, { lanes, blocks, recordBytes });
    const runs = [];
    for (let each = 0; each < OPENS; each++) runs.push(await openInChild(store, []));
    const inMemory = [];
    for (let each = 0; each < OPENS; each++) inMemory.push(await openInChild(store, ["--memory"]));
    const of = (list, key) => median(list.map((run) => run[key]));
    return {
      lanes,
      blocks,
      recordBytes,
      readMs: of(runs, "readMs"),
      openMs: of(runs, "openMs"),
      openWithoutMapMs: of(inMemory, "openMs"),
      ratio: of(runs, "openMs") / of(runs, "readMs"),
      ratioWithoutMap: of(inMemory, "openMs") / of(inMemory, "readMs"),
      records: runs[0].records,
      rssMiB: Math.max(...runs.map(({ rssMiB }) => rssMiB)),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function fill(directory, { lanes, blocks, recordBytes }) {
  const persisters = await openStore(directory, true, true);
  const state = new AvailabilityState(
    startOf(persisters, { epochOf: () => undefined, cacheBytes: 0 }, new Verifier()),
  );
  const running = runPersist(state, persisters);
  for (let lane = 0; lane < lanes; lane++) {
    const id = laneIdOf(createHash("sha256").update(`bench ${lane}`).digest(), 0n);
    let parentHash = new Uint8Array(32);
    for (let number = 0n; number < BigInt(blocks); number++) {
      const payload = { ...PAYLOAD, txs: [randomBytes(recordBytes - 270)] };
      const payloadHash = createHash("sha256").update(`${number}`).digest();
      const header = { lane: id, blockNumber: number, parentHash, payloadHash };
      const hash = headerHash(header);
      const bytes = encodeSignedBlock({ msg: { header, payload }, sig: SIGNATURE });
      await state.admitBlock(id, { number, bytes, headerHash: hash, parentHash });
      parentHash = hash;
    }
    await state.waitForBlock(id, BigInt(blocks) - 1n);
  }
  state.close();
  await running;
  await persisters.close();
}

async function openStore(directory, onDisk, fresh = false) {
  const common = {
    disk: new RealDisk(),
    directory,
    chainId: CHAIN_ID,
    segmentBytes: 4 * 1024 * 1024,
    randomBytes,
  };
  if (fresh) await initPersisters({ ...common, nowMs: BigInt(Date.now()) });
  return await openPersisters({
    ...common,
    retainBytes: 0,
    epochOf: () => undefined,
    openMap: () =>
      onDisk ? openLogMap(join(directory, "index")) : Promise.resolve(memoryLogMap(undefined)),
    whenIdle: (task) => setTimeout(() => task(), 20),
  });
}

async function openInChild(directory, options) {
  const { stdout } = await promisify(execFile)(process.execPath, [self, directory, ...options]);
  return JSON.parse(stdout);
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

async function openOnce(directory, onDisk) {
  readAll(directory);
  const began = performance.now();
  readAll(directory);
  const read = performance.now();
  const persisters = await openStore(directory, onDisk);
  const opened = performance.now();
  const figures = {
    readMs: read - began,
    openMs: opened - read,
    records: persisters.report.recordsRead,
    rssMiB: peakMiB(),
  };
  await persisters.close();
  return figures;
}

/** Of this program alone: `maxRSS` would count what its parent had when it was started. */
function peakMiB() {
  const status = "/proc/self/status";
  if (!existsSync(status)) return process.memoryUsage().rss / 1024 / 1024;
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(status, "utf8"))[1]) / 1024;
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

if (process.argv[1] === self) {
  const [, , directory, option] = process.argv;
  console.log(JSON.stringify(await openOnce(directory, option !== "--memory")));
}
