/**
 * The execution of roads that no peer serves any more, from the archive alone: a validator that was away for long,
 * or whose machine is lost, follows the chain by it up to an anchor of its peers.
 *
 * The archive needs no trust: the state behind the last road is a hash over every block, and the anchor's app QC says
 * which one a quorum has signed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Archive } from "../../../archive/reading/archive.js";
import type { RetainedRecord } from "../../../log/retained-range.js";
import { assert } from "../../../types/assert.js";
import { PersisterError } from "../../../types/errors.js";
import type { LaneId } from "../../../types/lane.js";
import { decodeCommitQC, decodeSignedBlock } from "../../../wire/codec/decode.js";
import { headerHash, sameBytes } from "../../../wire/hash.js";
import type { Block, Proposal, PruneAnchor } from "../../../wire/messages.js";
import { globalRange } from "../../../wire/rules/proposal.js";
import { appHashOf } from "../../protocol/execution.js";
import type { Unexecuted } from "../../protocol/step.js";

/** A road reaches the archive behind the anchor that prunes it: the newest ones are waited for. */
const PAUSE_MS = 100;

export type History = Pick<Archive, "url" | "blocks" | "commitQCs">;

export interface ReplayPort {
  readonly history: History;
  /** Our own lane. */
  readonly lane: LaneId;
  readonly signal: AbortSignal;
  readonly executed: (index: bigint, appHash: Uint8Array) => void;
}

/** The roads that were executed so far. */
interface Progress {
  next: bigint;
  appHash: Uint8Array;
  /** Of the last block of our lane below `next`, and below the last road before it. */
  tipHash: Uint8Array | undefined;
  tipBefore: Uint8Array | undefined;
}

/**
 * Executes the roads up to that of `anchor`, as soon as they are archived. Returns the hash of our own lane's last
 * block below the ranges of the anchor; `undefined` where there is none in these roads.
 *
 * @throws {PersisterError} ARCHIVE_CORRUPT where the archive leads to another state than a quorum has signed; as
 * `Archive.readBlock`; OUT_OF_SEQUENCE at a hole.
 */
export async function replay(
  { appQC, commitQC }: PruneAnchor,
  { next, parent }: Unexecuted,
  port: ReplayPort,
): Promise<Uint8Array | undefined> {
  const { index } = commitQC.vote.view;
  const progress: Progress = { next, appHash: parent, tipHash: undefined, tipBefore: undefined };
  for (;;) {
    await replayArchived(progress, index, port);
    if (progress.next > index) break;
    await sleep(PAUSE_MS, undefined, { signal: port.signal });
  }
  const signed = appQC.vote.appHash;
  if (signed === undefined || !sameBytes(signed, progress.appHash)) {
    const text = `the archive at ${port.history.url} leads to another state at road ${index} than the committee has signed`;
    throw new PersisterError("ARCHIVE_CORRUPT", text, { roadIndex: index });
  }
  return progress.tipBefore;
}

/** Goes on as far as the archive has a road and all blocks of it. */
async function replayArchived(
  progress: Progress,
  last: bigint,
  { history, lane: own, signal, executed }: ReplayPort,
): Promise<void> {
  const lanes = new Map<LaneId, AsyncGenerator<RetainedRecord>>();
  const recordsOf = (lane: LaneId, from: bigint): AsyncGenerator<RetainedRecord> => {
    const records = lanes.get(lane) ?? history.blocks(lane, { from, signal });
    lanes.set(lane, records);
    return records;
  };
  const range = { from: progress.next, next: last + 1n, signal };
  try {
    for await (const { number: index, bytes } of history.commitQCs(range)) {
      assert(index === progress.next, "the roads of an archive follow one another");
      const { vote } = decodeCommitQC(bytes);
      const blocks = await blocksOf(vote, recordsOf);
      if (!blocks) return;
      progress.appHash = appHashOf(progress.appHash, globalRange(vote).first, blocks);
      const mine = blocks.findLast(({ header }) => header.lane === own);
      progress.tipBefore = progress.tipHash;
      if (mine) progress.tipHash = headerHash(mine.header);
      progress.next = index + 1n;
      executed(index, progress.appHash);
    }
  } finally {
    for (const records of lanes.values()) await records.return(undefined);
  }
}

/** The blocks of a road; `undefined` where a lane is not archived so far. */
async function blocksOf(
  { laneRanges }: Proposal,
  recordsOf: (lane: LaneId, from: bigint) => AsyncGenerator<RetainedRecord>,
): Promise<Block[] | undefined> {
  const blocks: Block[] = [];
  for (const { lane, first, next } of laneRanges) {
    for (let number = first; number < next; number++) {
      const record = await recordsOf(lane, number).next();
      if (record.done) return undefined;
      assert(record.value.number === number, "the blocks of an archived lane follow one another");
      blocks.push(decodeSignedBlock(record.value.bytes).msg);
    }
  }
  return blocks;
}
