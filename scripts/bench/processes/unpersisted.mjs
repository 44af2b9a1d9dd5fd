/**
 * A validator of the devnet that persists nothing: its store admits and verifies as the real one does,
 * and acknowledges after a moment, though it keeps all in memory only. The same committee with the real
 * store costs more by the cost of persisting.
 *
 * The moment is about what a group takes on a disk: with none the protocol would run in other batches.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AvailabilityState } from "../../../dist/avail/availability-state.js";
import {
  REPORT_DESCRIPTOR,
  epochOfKeys,
  runValidator,
} from "../../../dist/devnet/validator/validator-process.js";
import { reportTo } from "../../../dist/devnet/judge/report.js";

const GROUP_MS = 2;
const CACHE_BYTES = 64 * 1024 * 1024;
const BLOCK_BYTES_MAX = 4 * 1024 * 1024;
const nothing = { first: 0n, next: 0n };

/** The result of a recovery of nothing. */
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
  /** Encoded commit QCs by road index. */
  const road = new Map();
  const readCommitQC = (index) => Promise.resolve(road.get(index));
  const state = new AvailabilityState({
    lanes: new Map(),
    heldLane: () => undefined,
    road: { ...nothing, qcs: new Map() },
    anchor: undefined,
    epochOf,
    verifier,
    pinOf: () => undefined,
    readBlock: () => Promise.reject(new Error("nothing is on disk")),
    readCommitQC,
    blockBytesMax: BLOCK_BYTES_MAX,
    cacheBytes: CACHE_BYTES,
  });
  const { inner } = state;
  acknowledge(state, road).catch((cause) => state.fail(cause));
  return {
    recovery,
    pushBlock: (block, options) => state.pushBlock(block, options),
    pushCommitQC: (qc, options) => state.pushCommitQC(qc, options),
    pushAnchor: (anchor) => state.pushAnchor(anchor),
    waitForAnchor: (index, options) => state.waitForAnchor(index, options),
    durableBlocks: (options) => state.durableBlocks(options),
    durableCommitQCs: (options) => state.durableCommitQCs(options),
    readBlock: (lane, number) => state.readBlock(lane, number),
    readCommitQC,
    readRetainedBlock: () => Promise.resolve(undefined),
    readRetainedCommitQC: () => Promise.resolve(undefined),
    writeVoteState: () => sleep(GROUP_MS),
    maySign: () => ({ may: true }),
    release: () => Promise.reject(new Error("nothing is pinned")),
    status: () => ({
      lanes: inner.lanes,
      road: inner.road,
      retained: { lanes: new Map(), road: nothing },
      anchorRoadIndex: inner.anchors.durable?.roadIndex,
      disk: { slots: 0, free: 0, bytes: 0 },
      verified: verifier.counts,
    }),
    close: () => Promise.resolve(inner.close()),
  };
}

/** The loop that drains the state, with nothing but time in place of a disk. */
async function acknowledge(state, road) {
  const { inner } = state;
  for (;;) {
    const turn = await state.nextTurn();
    if (turn === undefined) return;
    await sleep(GROUP_MS);
    for (const { number, payload } of turn.commitQCs) {
      road.set(number, payload);
      inner.commitQCsDurable(number + 1n);
    }
    for (const { lane, queue, blocks } of turn.lanes) {
      const next = (blocks.at(-1)?.number ?? -1n) + 1n;
      inner.blocksDurable(lane, next, queue);
    }
    if (turn.anchor !== undefined) inner.anchorDurable(turn.anchor);
    for (const index of road.keys()) if (index < inner.road.first) road.delete(index);
  }
}

process.exitCode = await runValidator({
  input: process.stdin,
  report: reportTo(REPORT_DESCRIPTOR),
  end: () => process.exit(1),
  open: ({ keys }, verifier) => {
    const epoch = epochOfKeys(keys);
    return unpersisted((index) => (index === epoch.index ? epoch : undefined), verifier);
  },
});
