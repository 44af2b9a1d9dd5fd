/**
 * A validator of the devnet that persists nothing: its store admits and verifies as the real one does,
 * and acknowledges after a moment what it only keeps in memory. What the same committee costs with the
 * real store is more by what persisting costs.
 *
 * The moment is about what a group takes on a disk: with none the protocol would run in other batches.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AvailabilityState } from "../../dist/avail/availability-state.js";
import {
  REPORT_DESCRIPTOR,
  epochOfKeys,
  runValidator,
} from "../../dist/devnet/validator/validator-process.js";
import { reportTo } from "../../dist/devnet/judge/report.js";

const GROUP_MS = 2;
const CACHE_BYTES = 64 * 1024 * 1024;
const BLOCK_BYTES_MAX = 4 * 1024 * 1024;
const nothing = { first: 0n, next: 0n };

/** What a recovery of nothing returns. */
const recovery = {
  lanes: new Map(),
  road: nothing,
  anchor: undefined,
  pins: [],
  voteState: undefined,
  abstainThrough: undefined,
  warnings: [],
  durationMs: 0,
};

function unpersisted(epochOf, verifier) {
  const state = new AvailabilityState({
    lanes: new Map(),
    heldLane: () => undefined,
    road: { ...nothing, qcs: new Map() },
    anchor: undefined,
    epochOf,
    verifier,
    pinOf: () => undefined,
    readBlock: () => Promise.reject(new Error("nothing is on disk")),
    blockBytesMax: BLOCK_BYTES_MAX,
    cacheBytes: CACHE_BYTES,
  });
  /** Encoded commit QCs by road index. */
  const road = new Map();
  acknowledge(state, road).catch((cause) => state.fail(cause));
  return {
    recovery,
    pushBlock: (block, options) => state.pushBlock(block, options),
    pushCommitQC: (qc, options) => state.pushCommitQC(qc, options),
    pushAnchor: (anchor) => state.pushAnchor(anchor),
    waitForBlock: (lane, number, options) => state.waitForBlock(lane, number, options),
    waitForCommitQC: (index, options) => state.waitForCommitQC(index, options),
    waitForAnchor: (index, options) => state.waitForAnchor(index, options),
    durableBlocks: (options) => state.durableBlocks(options),
    readBlock: (lane, number) => state.readBlock(lane, number),
    readCommitQC: (index) => Promise.resolve(road.get(index)),
    readRetainedBlock: () => Promise.resolve(undefined),
    readRetainedCommitQC: () => Promise.resolve(undefined),
    writeVoteState: () => sleep(GROUP_MS),
    release: () => Promise.reject(new Error("nothing is pinned")),
    status: () => ({
      lanes: state.lanes,
      road: state.road,
      retained: { lanes: new Map(), road: nothing },
      anchorRoadIndex: state.durableAnchor?.commitQC.vote.view.index,
      disk: { slots: 0, free: 0, bytes: 0 },
      verified: verifier.counts,
    }),
    close: () => Promise.resolve(state.close()),
  };
}

/** The loop that drains the state, with nothing but time in place of a disk. */
async function acknowledge(state, road) {
  for (;;) {
    const turn = await state.nextTurn();
    if (turn === undefined) return;
    await sleep(GROUP_MS);
    for (const { qc, bytes } of turn.commitQCs) {
      const { index } = qc.vote.view;
      road.set(index, bytes);
      state.commitQCsDurable(index + 1n);
    }
    for (const [lane, blocks] of turn.lanes) {
      const next = (blocks.at(-1)?.number ?? -1n) + 1n;
      state.blocksDurable(lane, next, state.lanes.get(lane));
    }
    if (turn.anchor !== undefined) state.anchorDurable(turn.anchor);
    for (const index of road.keys()) if (index < state.road.first) road.delete(index);
  }
}

process.exitCode = await runValidator({
  input: process.stdin,
  report: reportTo(REPORT_DESCRIPTOR),
  open: ({ keys }, verifier) => {
    const epoch = epochOfKeys(keys);
    return unpersisted((index) => (index === epoch.index ? epoch : undefined), verifier);
  },
});
