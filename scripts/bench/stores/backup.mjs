/**
 * A store at work while it is backed up again and again, against the same store by itself, in turns. A round is a
 * block, or a vote state, that is durable before the next one comes. The lane has room for 30 blocks, so each turn has a
 * store of its own; a turn lasts for some whole backups.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Lanekeeper } from "../../../dist/index.js";
import { soloValidator } from "../../../dist/testing/index.js";

const CHAIN_ID = "bench";
/** D9: blocks of a lane above its start. */
const LANE_BLOCKS = 30;
/** So long, in ms, is a block followed by vote states. */
const VOTES_MS = 40;

/** The median of a round in ms, by itself and beside backups, and how many backups were made. */
export async function benchBackup({ recordBytes, turns }) {
  const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-"));
  const ms = { alone: [], beside: [] };
  let backups = 0;
  try {
    for (let turn = 0; turn < turns; turn++) {
      for (const name of turn % 2 === 0 ? ["alone", "beside"] : ["beside", "alone"]) {
        const store = join(directory, `${name}-${turn}`);
        backups += await oneTurn({ store, recordBytes, ms: ms[name], isBeside: name === "beside" });
        rmSync(store, { recursive: true });
      }
    }
    const [alone, beside] = [median(ms.alone), median(ms.beside)];
    return { recordBytes, turns, backups, alone, beside, ratio: beside / alone };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function oneTurn({ store, recordBytes, ms, isBeside }) {
  const { lane, epochOf, blockAfter } = soloValidator();
  await Lanekeeper.init(store, { chainId: CHAIN_ID });
  const keeper = await Lanekeeper.open(store, { chainId: CHAIN_ID, epochOf });
  const stop = new AbortController();
  const backups = isBeside ? backUpAgain(keeper, `${store}-backups`, stop.signal) : undefined;
  let before;
  for (let number = 0; number < LANE_BLOCKS; number++) {
    before = blockAfter(before, randomBytes(recordBytes));
    const began = performance.now();
    await keeper.pushBlock(before);
    await keeper.waitForBlock(lane, BigInt(number));
    ms.push(performance.now() - began);
    while (performance.now() - began < VOTES_MS) {
      const begun = performance.now();
      await keeper.writeVoteState(new Uint8Array(0), BigInt(number));
      ms.push(performance.now() - begun);
    }
    await nextTurn();
  }
  stop.abort();
  const made = (await backups) ?? 0;
  await keeper.close();
  rmSync(`${store}-backups`, { recursive: true, force: true });
  return made;
}

/** One backup after the other, until the signal. */
async function backUpAgain(keeper, directory, signal) {
  for (let made = 0; ; made++) {
    try {
      await keeper.backup(directory, { signal, keep: 2 });
    } catch (cause) {
      if (cause.code === "ABORTED") return made;
      throw cause;
    }
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
