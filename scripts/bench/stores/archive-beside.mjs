/**
 * A store at work while it is archived, against the same store by itself, and against the same store beside a plain
 * process that writes as many bytes a second to the same disk: no archive to a folder of that disk can cost less. All
 * three are in turns. A round is a block that is durable before the next one comes. Each turn that is archived has a
 * folder of its own, and begins with all that the store retains: the archive is never done before the turn is.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Lanekeeper } from "../../../dist/index.js";
import { buildAppQC, buildCommitQC, soloValidator } from "../../../dist/testing/index.js";
import { decodeSignedBlock } from "../../../dist/wire/codec/decode.js";
import { headerHash } from "../../../dist/wire/hash.js";

const CHAIN_ID = "bench";
const MIB = 1024 * 1024;
/** An anchor comes behind so many blocks, and prunes as many. */
const BLOCKS_PER_ANCHOR = 10;
const PAUSE_MS = 4;

const writer = fileURLToPath(new URL("../processes/object-writer.mjs", import.meta.url));

/** The median of a round in ms: by itself, beside the archive, and beside a plain process that writes as much. */
export async function benchArchiveBeside({ recordBytes, mib, turns, rounds }) {
  const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-"));
  const store = join(directory, "store");
  const bucket = join(directory, "bucket");
  const history = historyOf(recordBytes);
  const ms = { alone: [], beside: [], floor: [] };
  const archived = { bytes: 0, ms: 0 };
  const open = (archive) =>
    Lanekeeper.open(store, {
      chainId: CHAIN_ID,
      epochOf: history.epochOf,
      retainBytes: 2 * mib * MIB,
      ...(archive ? { archive } : {}),
    });
  const turnOf = async (name) => {
    const keeper = await open(name === "beside" ? { to: `file://${bucket}`, ageMs: 1 } : undefined);
    const pace = (archived.bytes * 1000) / archived.ms;
    const child = name === "floor" && spawn(process.execPath, [writer, bucket, String(pace)]);
    const began = performance.now();
    const bytes = await history.goOn(keeper, { rounds, ms: ms[name], pauseMs: PAUSE_MS });
    if (name === "beside") {
      archived.bytes += bytes;
      archived.ms += performance.now() - began;
    }
    if (child) await ended(child);
    rmSync(bucket, { recursive: true, force: true });
  };
  try {
    await Lanekeeper.init(store, { chainId: CHAIN_ID });
    await history.goOn(await open(), { rounds: Math.ceil((mib * MIB) / recordBytes), ms: [] });
    // The first one tells the pace of the floor.
    const order = ["beside", "floor", "alone"];
    for (let turn = 0; turn < turns; turn++) {
      for (const name of turn % 2 === 0 ? order : order.toReversed()) await turnOf(name);
    }
    const [alone, beside, floor] = [ms.alone, ms.beside, ms.floor].map(median);
    const ratios = { ratio: beside / alone, floorRatio: floor / alone, ours: beside / floor };
    const archivedMBs = archived.bytes / 1000 / archived.ms;
    return { what: "beside", recordBytes, alone, beside, floor, ...ratios, archivedMBs };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function ended(child) {
  const exit = new Promise((done) => child.once("exit", done));
  child.kill();
  await exit;
}

/** One lane, and a road with a QC for each block. */
function historyOf(recordBytes) {
  const { keys, lane, epochOf, blockAfter } = soloValidator();
  let before;
  let number = 0n;
  const finalised = () => {
    const { header } = decodeSignedBlock(before).msg;
    const { blockNumber: first } = header;
    const range = { lane, first, next: first + 1n, lastHash: headerHash(header) };
    const view = { index: first, number: 0n, epochIndex: 0n };
    const timestamp = { seconds: first, nanos: 0 };
    const proposal = { view, timestamp, laneRanges: [range], globalFirst: first };
    const app = { roadIndex: first, appHash: new Uint8Array(32), epochIndex: 0n };
    return {
      commitQC: buildCommitQC(proposal, [keys]),
      appQC: buildAppQC({ ...app, globalFirst: first, globalNext: first + 1n }, [keys]),
    };
  };
  const goOn = async (keeper, { rounds, ms, pauseMs }) => {
    for (let round = 0; round < rounds; round++) {
      before = blockAfter(before, randomBytes(recordBytes));
      const began = performance.now();
      await keeper.pushBlock(before);
      await keeper.waitForBlock(lane, number);
      ms.push(performance.now() - began);
      const anchor = finalised();
      await keeper.pushCommitQC(anchor.commitQC);
      if (number % BigInt(BLOCKS_PER_ANCHOR) === 0n) {
        await keeper.waitForCommitQC(number);
        await keeper.pushAnchor(anchor);
      }
      number += 1n;
      if (pauseMs) await sleep(pauseMs);
    }
    const { counts } = keeper.status().archive ?? {};
    await keeper.close();
    return counts?.bytes ?? 0;
  };
  return { epochOf, goOn };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
