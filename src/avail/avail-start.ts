/** What an availability state starts from, and what it asks of the parts below it. */
import type { LaneId } from "../types/lane.js";
import type { EpochOf } from "../wire/committee.js";
import type { CommitQC, PruneAnchor } from "../wire/messages.js";
import type { Verifier } from "../wire/verifier.js";
import type { HeldLane } from "./lane-queue.js";

/** What the state starts from: what recovery returned. */
export interface AvailStart {
  /** The lanes of the committee that have something on disk. */
  readonly lanes: ReadonlyMap<LaneId, HeldLane>;
  /** What is on disk of any lane, also of one that is outside the committee by now, or not in it yet. */
  readonly heldLane: (lane: LaneId) => HeldLane | undefined;
  readonly road: {
    readonly first: bigint;
    readonly next: bigint;
    readonly qcs: ReadonlyMap<bigint, CommitQC>;
  };
  readonly anchor: PruneAnchor | undefined;
  readonly epochOf: EpochOf;
  /** What it has verified once it knows again. */
  readonly verifier: Verifier;
  /** The header hash to which a number is pinned, if it is (D6). */
  readonly pinOf: (lane: LaneId, number: bigint) => Uint8Array | undefined;
  /** The bytes of a durable block, from disk. */
  readonly readBlock: (lane: LaneId, number: bigint) => Promise<Uint8Array>;
  /** The largest encoded block that can be stored. */
  readonly blockBytesMax: number;
  /** Bytes of durable payloads that are kept in memory. */
  readonly cacheBytes: number;
}
