/** An availability state begins with what recovery found, and asks the parts below it for the rest. */
import type { PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import type { Observe } from "../types/measures.js";
import type { EpochOf } from "../wire/committee.js";
import type { CommitQC, PruneAnchor } from "../wire/messages.js";
import type { Verifier } from "../wire/verifier.js";
import type { HeldLane } from "./queues/lane-queue.js";

/** Told of what happens, in the step in which it happens. May not call back. */
export interface Teller {
  readonly stalled: (facts: { readonly error: PersisterError }) => void;
  readonly laneRefused: (facts: { readonly lane: LaneId; readonly error: PersisterError }) => void;
  readonly blockDropped: (facts: {
    readonly lane: LaneId;
    readonly number: bigint;
    readonly reason: string;
  }) => void;
  readonly pinned: (facts: { readonly lane: LaneId; readonly number: bigint }) => void;
  readonly anchor: (facts: { readonly roadIndex: bigint }) => void;
}

export interface AvailStart {
  /** The lanes of the committee that have something on disk. */
  readonly lanes: ReadonlyMap<LaneId, HeldLane>;
  /** Any lane that is on disk, also one that has left the committee, or is not in it yet. */
  readonly heldLane: (lane: LaneId) => HeldLane | undefined;
  readonly road: {
    readonly first: bigint;
    readonly next: bigint;
    readonly qcs: ReadonlyMap<bigint, CommitQC>;
  };
  readonly anchor: PruneAnchor | undefined;
  /** Throws typed errors only. */
  readonly epochOf: EpochOf;
  /** It remembers what it has verified. */
  readonly verifier: Pick<
    Verifier,
    "verifySignedBlockAtOnce" | "verifyCommitQC" | "verifyAnchor" | "verifyLaneQC"
  >;
  /** The header hash to which a number is pinned, if it is (D6). */
  readonly pinOf: (lane: LaneId, number: bigint) => Uint8Array | undefined;
  /** The bytes of a durable block, from disk. The caller's to keep. */
  readonly readBlock: (lane: LaneId, number: bigint) => Promise<Uint8Array>;
  /** The bytes of a durable commit QC, from disk. The caller's to keep. */
  readonly readCommitQC: (index: bigint) => Promise<Uint8Array>;
  /** The largest encoded block that can be stored. */
  readonly blockBytesMax: number;
  /** Bytes of durable payloads that are kept in memory. */
  readonly cacheBytes: number;
  readonly tell?: Partial<Teller>;
  readonly observe?: Observe | undefined;
}
