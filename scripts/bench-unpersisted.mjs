/**
 * A validator of the devnet that persists nothing: its store admits and verifies as the real one does,
 * and acknowledges after a moment what it only keeps in memory. What the same committee costs with the
 * real store is more by what persisting costs.
 *
 * The moment is about what a group takes on a disk: with none the protocol would run in other batches.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AvailabilityState } from "../dist/avail/availability-state.js";
import { REPORT_DESCRIPTOR, epochOfKeys, runValidator } from "../dist/devnet/validator-process.js";
import { reportTo } from "../dist/devnet/report.js";

const GROUP_MS = 2;
const CACHE_BYTES = 64 * 1024 * 1024;
const BLOCK_BYTES_MAX = 4 * 1024 * 1024;
const nothing = { first: 0n, next: 0n };

class Unpersisted {
  recovery = {
    lanes: new Map(),
    road: nothing,
    anchor: undefined,
    pins: [],
    voteState: undefined,
    abstainThrough: undefined,
    warnings: [],
    durationMs: 0,
  };
  #state;
  #verifier;
  /** Encoded commit QCs by road index. */
  #road = new Map();

  constructor(epochOf, verifier) {
    this.#verifier = verifier;
    this.#state = new AvailabilityState({
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
    this.#run().catch((cause) => this.#state.fail(cause));
  }

  async #run() {
    for (;;) {
      const turn = await this.#state.nextTurn();
      if (turn === undefined) return;
      await sleep(GROUP_MS);
      this.#acknowledge(turn);
    }
  }

  #acknowledge({ anchor, commitQCs, lanes }) {
    for (const { qc, bytes } of commitQCs) {
      const { index } = qc.vote.view;
      this.#road.set(index, bytes);
      this.#state.commitQCsDurable(index + 1n);
    }
    for (const [lane, blocks] of lanes) {
      const next = (blocks.at(-1)?.number ?? -1n) + 1n;
      this.#state.blocksDurable(lane, next, this.#state.lanes.get(lane));
    }
    if (anchor === undefined) return;
    this.#state.anchorDurable(anchor);
    for (const index of this.#road.keys()) {
      if (index < this.#state.road.first) this.#road.delete(index);
    }
  }

  pushBlock(block, options) {
    return this.#state.pushBlock(block, options);
  }

  pushCommitQC(qc, options) {
    return this.#state.pushCommitQC(qc, options);
  }

  pushAnchor(anchor) {
    return this.#state.pushAnchor(anchor);
  }

  waitForBlock(lane, number, options) {
    return this.#state.waitForBlock(lane, number, options);
  }

  waitForCommitQC(index, options) {
    return this.#state.waitForCommitQC(index, options);
  }

  waitForAnchor(index, options) {
    return this.#state.waitForAnchor(index, options);
  }

  durableBlocks(options) {
    return this.#state.durableBlocks(options);
  }

  readBlock(lane, number) {
    return this.#state.readBlock(lane, number);
  }

  async readCommitQC(index) {
    return this.#road.get(index);
  }

  async readRetainedBlock() {
    return undefined;
  }

  async readRetainedCommitQC() {
    return undefined;
  }

  async writeVoteState() {
    await sleep(GROUP_MS);
  }

  async release() {
    throw new Error("nothing is pinned");
  }

  status() {
    const lanes = new Map(this.#state.lanes);
    return {
      lanes,
      road: this.#state.road,
      retained: { lanes: new Map(), road: nothing },
      anchorRoadIndex: this.#state.durableAnchor?.commitQC.vote.view.index,
      disk: { slots: 0, free: 0, bytes: 0 },
      verified: this.#verifier.counts,
    };
  }

  async close() {
    this.#state.close();
  }
}

process.exitCode = await runValidator({
  input: process.stdin,
  report: reportTo(REPORT_DESCRIPTOR),
  open: ({ keys }, verifier) => {
    const epoch = epochOfKeys(keys);
    return new Unpersisted((index) => (index === epoch.index ? epoch : undefined), verifier);
  },
});
