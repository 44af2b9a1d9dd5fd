/** One turn of the loop that persists. */
import type { KnownAnchor } from "../persist/anchor.js";
import type { NewBlock } from "../persist/block-persister.js";
import type { NewCommitQC } from "../persist/commit-qc-persister.js";
import type { LaneId } from "../types/lane.js";
import type { LaneQueue } from "./queues/lane-queue.js";

/** The blocks of one lane that wait for the disk. */
export interface LaneWork {
  readonly lane: LaneId;
  /** The queue of the lane as it is now. A lane that is dropped and comes back has another one. */
  readonly queue: LaneQueue;
  readonly blocks: readonly NewBlock[];
}

/** Everything that is admitted by now and not on its way to disk. */
export interface WriteTurn {
  readonly kind: "write";
  /** An anchor to be sent on its way. Nothing else in the turn waits for it. */
  readonly anchor: KnownAnchor | undefined;
  readonly commitQCs: readonly NewCommitQC[];
  readonly lanes: readonly LaneWork[];
}

/** Every lane outside of `keep` ends. */
export interface DropTurn {
  readonly kind: "drop";
  readonly keep: ReadonlySet<LaneId>;
}

export type PersistTurn = WriteTurn | DropTurn;
