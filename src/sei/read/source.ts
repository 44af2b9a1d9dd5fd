/**
 * A source of an import: logs of blocks and commit QCs, and the consensus votes. A state directory is one
 * such source. Any other that gives records in this shape is verified by the same rules.
 */
import type { LaneId } from "../../types/lane.js";
import { decodeCommitQC, decodeSignedBlock } from "../../wire/codec/decode.js";
import type { CommitQC, SignedBlock } from "../../wire/messages.js";
import { type ForeignEntry, readLayout } from "../format/layout.js";
import { type LiveRun, liveRunOf } from "./live-run.js";
import type { ReadableDisk } from "../../disk/readable.js";
import { readVoteSlots, type VoteSlots } from "../format/vote-slots.js";

export interface LaneSource {
  readonly lane: LaneId;
  readonly directory: string;
  /** @throws {StateError} if the log cannot be used. */
  open(): Promise<LiveRun<SignedBlock>>;
}

export interface StateSource {
  readonly lanes: readonly LaneSource[];
  readonly road: {
    readonly directory: string;
    /** @throws {StateError} if the log cannot be used. */
    open(): Promise<LiveRun<CommitQC>>;
  };
  readonly votes: {
    readonly directory: string;
    /** @throws {StateError} if the pair cannot be used. */
    open(): Promise<VoteSlots>;
  };
  /** Names that were passed over. */
  readonly foreign: readonly ForeignEntry[];
}

/**
 * The state directory `directory` as a source. It is read and never changed; stop the node that owns
 * it first, or logs may be refused for being changed while they are read.
 *
 * @throws {PersisterError} NOT_A_STORE, IO, READ_ONLY.
 */
export async function directorySource(disk: ReadableDisk, directory: string): Promise<StateSource> {
  const { lanes, commitQCs, foreign } = await readLayout(disk, directory);
  return {
    lanes: lanes.map(({ lane, directory: path }) => ({
      lane,
      directory: path,
      open: () => liveRunOf(disk, path, decodeSignedBlock),
    })),
    road: { directory: commitQCs, open: () => liveRunOf(disk, commitQCs, decodeCommitQC) },
    votes: { directory, open: () => readVoteSlots(disk, directory) },
    foreign,
  };
}
