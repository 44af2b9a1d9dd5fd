/**
 * Writes a whole state directory in the original's form, for its node to open.
 *
 * A file in the log of commit QCs says that it is unfinished. It is made first and removed last; by
 * its name it is a live file and by its bytes none, so the original refuses to open what a crash left
 * half-written, and so does our reader.
 *
 * The prune anchor is not in these directories: a log that starts above 0 is only opened by a node
 * whose block store holds the anchor that allows it.
 */
import type { Disk } from "../../disk/disk.js";
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
import { claimDirectory, makeFile } from "./new-directory.js";
import { writeLog, writeLogFiles } from "./write-log.js";
import { writeVoteSlots } from "./write-votes.js";

type Some<T> = AsyncIterable<T> | Iterable<T>;

export interface StateContents {
  /** The blocks of each lane, consecutive; each lane once. */
  readonly lanes: Iterable<readonly [LaneId, AsyncIterable<SignedBlock> | Iterable<SignedBlock>]>;
  /** Consecutive. */
  readonly commitQCs: AsyncIterable<CommitQC> | Iterable<CommitQC>;
  /** Written as the first votes ever; none where left out. */
  readonly votes?: PersistedInner;
}

const UNFINISHED = new TextEncoder().encode("UNFINISHED: made by an interrupted write\n");

/**
 * Writes `contents` into `directory`, which must be missing or empty. All of it is durable when
 * resolved; otherwise what is there cannot be opened, and is to be removed. One log file at a time is
 * in memory. Nothing is verified but what the original's loaders take for granted.
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

/** A gap would be taken for the end of what was pruned: what lies below it would be lost in silence. */
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
