/** One turn of the loop that persists. */
import type { NewBlock } from "../persist/block-persister.js";
import type { NewCommitQC } from "../persist/commit-qc-persister.js";
import type { LaneId } from "../types/lane.js";
import type { PruneAnchor } from "../wire/messages.js";

/** Everything that is admitted by now and not on its way to disk. */
export interface WriteTurn {
  readonly type: "write";
  readonly anchor: PruneAnchor | undefined;
  readonly commitQCs: readonly NewCommitQC[];
  readonly lanes: ReadonlyMap<LaneId, readonly NewBlock[]>;
}

/** Every lane outside of `keep` ends. */
export interface DropTurn {
  readonly type: "drop";
  readonly keep: ReadonlySet<LaneId>;
}

export type PersistTurn = WriteTurn | DropTurn;
