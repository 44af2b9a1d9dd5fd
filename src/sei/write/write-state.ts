/**
 * Writes a whole state directory in sei-chain's form, for its node to open.
 *
 * A file in the log of commit QCs says that the directory is unfinished. It is made first and removed
 * last. Its name is that of a live file, and its bytes are not: sei-chain, and our own reader, refuse to
 * open a directory that a crash left half-written.
 *
 * The prune anchor is not in these directories: a log that starts above 0 is only opened by a node
 * whose block store holds the anchor that allows it.
 */
import type { Disk } from "../../disk/disk.js";
import { type SlotName, slotOf } from "../../disk/slots/choice.js";
import { encodeSlot, SLOT_HEAD_BYTES } from "../../disk/slots/form.js";
import { slotPath } from "../../disk/slots/slots.js";
import { absolutePath, type PathInput } from "../../disk/path.js";
import { RealDisk } from "../../disk/real/real.js";
import { type ErrorFacts, PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import { U64_MAX } from "../../types/numbers.js";
import {
  encodeCommitQC,
  encodePersistedInner,
  encodeSignedBlock,
} from "../../wire/codec/encode.js";
import type { CommitQC, PersistedInner, SignedBlock } from "../../wire/messages.js";
import { BLOCKS_NAME, COMMIT_QCS_NAME } from "../format/layout.js";
import { liveName } from "../format/log-name.js";
import { VOTE_SLOTS } from "../format/vote-slots.js";
import { claimDirectory, makeFile } from "./new-directory.js";
import { writeLog, writeLogFiles } from "./write-log.js";

type Some<T> = AsyncIterable<T> | Iterable<T>;

export interface StateContents {
  /** The blocks of each lane, consecutive; each lane once. */
  readonly lanes: Iterable<readonly [LaneId, AsyncIterable<SignedBlock> | Iterable<SignedBlock>]>;
  /** Consecutive. */
  readonly commitQCs: AsyncIterable<CommitQC> | Iterable<CommitQC>;
  /** Written as the first votes ever. None are written if they are left out. */
  readonly votes?: PersistedInner;
}

const UNFINISHED = new TextEncoder().encode("UNFINISHED: made by an interrupted write\n");

/**
 * Writes `contents` into `directory`, which must be missing or empty. All of it is durable when
 * resolved; otherwise what is there cannot be opened, and is to be removed. One log file at a time is
 * in memory. Only the rules are checked that sei-chain's loaders take for granted.
 *
 * @throws {PersisterError} STORE_EXISTS, and nothing was changed; OUT_OF_SEQUENCE for a gap; INVALID for
 * a block of another lane; DISK_FULL, READ_ONLY, IO.
 */
export async function writeSeiDirectory(
  directory: PathInput,
  contents: StateContents,
): Promise<void> {
  await writeSeiDirectoryOn(new RealDisk(), absolutePath(directory), contents);
}

/** `writeSeiDirectory` on a disk of the caller's. */
export async function writeSeiDirectoryOn(
  disk: Disk,
  directory: string,
  contents: StateContents,
): Promise<void> {
  await claimDirectory(disk, directory);
  const commitQCs = `${directory}/${COMMIT_QCS_NAME}`;
  await disk.makeDirectory(commitQCs);
  const unfinished = `${commitQCs}/${liveName(U64_MAX)}`;
  await makeFile(disk, unfinished, [UNFINISHED]);
  await disk.syncDirectory(commitQCs);
  await disk.syncDirectory(directory);

  const blocks = `${directory}/${BLOCKS_NAME}`;
  await disk.makeDirectory(blocks);
  for (const [lane, lanesBlocks] of contents.lanes) {
    await writeLog(disk, `${blocks}/${lane}`, laneRecords(lane, lanesBlocks));
  }
  const votes = contents.votes === undefined ? [] : [encodePersistedInner(contents.votes)];
  await writeVoteSlots(disk, directory, votes);
  await writeLogFiles(disk, commitQCs, roadRecords(contents.commitQCs));

  await disk.remove(unfinished);
  await disk.syncDirectory(commitQCs);
}

async function* laneRecords(lane: LaneId, blocks: Some<SignedBlock>) {
  let next: bigint | undefined;
  for await (const block of blocks) {
    const { header } = block.msg;
    const facts = { lane, blockNumber: header.blockNumber };
    if (header.lane !== lane) {
      const message = `block ${header.blockNumber} is of lane ${header.lane}, not of ${lane}`;
      throw new PersisterError("INVALID", message, facts);
    }
    const index = header.blockNumber;
    requireNext(index, next, `lane ${lane}: block ${index}`, facts);
    next = index + 1n;
    yield { index, payload: encodeSignedBlock(block) };
  }
}

async function* roadRecords(commitQCs: Some<CommitQC>) {
  let next: bigint | undefined;
  for await (const qc of commitQCs) {
    const { index } = qc.vote.view;
    requireNext(index, next, `commit QC ${index}`, { roadIndex: index });
    next = index + 1n;
    yield { index, payload: encodeCommitQC(qc) };
  }
}

/** sei-chain takes a gap for the end of the pruned records: those below would be lost in silence. */
function requireNext(
  index: bigint,
  next: bigint | undefined,
  what: string,
  facts: ErrorFacts,
): void {
  if (next === undefined || index === next) return;
  const message = `${what} is out of sequence: ${next} is next`;
  throw new PersisterError("OUT_OF_SEQUENCE", message, facts);
}

/**
 * Makes the A/B pair of the votes in `directory`, as it is after `messages` were written one after the
 * other from sequence 1 on. A slot that no message went to is empty. Durable when resolved.
 *
 * @throws {PersisterError} IO if one of the files exists; DISK_FULL, READ_ONLY.
 */
export async function writeVoteSlots(
  disk: Disk,
  directory: string,
  messages: readonly Uint8Array[],
): Promise<void> {
  const slots: Record<SlotName, Uint8Array> = { a: new Uint8Array(0), b: new Uint8Array(0) };
  for (const [at, message] of messages.entries()) {
    const seq = BigInt(at + 1);
    slots[slotOf(seq)] = encodeSlot(seq, message, SLOT_HEAD_BYTES + message.length);
  }
  for (const slot of ["a", "b"] as const) {
    const bytes = slots[slot];
    const parts = bytes.length === 0 ? [] : [bytes];
    await makeFile(disk, slotPath(directory, VOTE_SLOTS, slot), parts);
  }
  await disk.syncDirectory(directory);
}
