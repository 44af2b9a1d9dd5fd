/** One thing that a caller gave to be kept: its place, its bytes, and how far it has come. */
import type { PushResult } from "../../avail/inner.js";
import type { ErrorFacts, PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";

export type Place =
  | { readonly kind: "block"; readonly lane: LaneId; readonly number: bigint }
  | { readonly kind: "laneQC"; readonly lane: LaneId; readonly number: bigint }
  | { readonly kind: "commitQC" | "anchor" | "voteState"; readonly roadIndex: bigint };

/** The caller who waits for the answer. */
export interface Caller {
  readonly resolve: (result: PushResult) => void;
  readonly reject: (error: PersisterError) => void;
}

export interface Item {
  readonly id: bigint;
  readonly place: Place;
  /** A copy of the caller's bytes. */
  readonly bytes: Uint8Array;
  /**
   * "waiting": it is not on this stream yet. "sent": its verdict has not come. "admitted": the service
   * has queued it, and no cursor says yet that it is durable.
   */
  state: "waiting" | "sent" | "admitted";
  /** An earlier stream had it, too: the service may hold these same bytes. */
  isRepeated: boolean;
  /** Its number was held when the caller gave it: a duplicate is the caller's own, whatever was lost. */
  readonly isHeld: boolean;
  /** `undefined` once the caller has the answer, or has taken the item back. */
  caller: Caller | undefined;
  /** The caller took it back: without a verdict it does not go onto another stream. */
  isAbandoned: boolean;
  /** The lane was full when it began here: the block waits until the lane begins elsewhere. */
  fullAt: bigint | undefined;
  /** Why it left without being kept. */
  refused: PersisterError | undefined;
}

/** The facts of an error about what stands at `place`. */
export function factsOf(place: Place): {
  readonly lane?: LaneId;
  readonly blockNumber?: bigint;
  readonly roadIndex?: bigint;
} {
  if ("lane" in place) return { lane: place.lane, blockNumber: place.number };
  return { roadIndex: place.roadIndex };
}

/** The place that an error names. */
export function placeOf({
  lane,
  blockNumber,
  roadIndex,
  file,
  offset,
}: PersisterError): ErrorFacts {
  return {
    ...(lane === undefined ? {} : { lane }),
    ...(blockNumber === undefined ? {} : { blockNumber }),
    ...(roadIndex === undefined ? {} : { roadIndex }),
    ...(file === undefined ? {} : { file }),
    ...(offset === undefined ? {} : { offset }),
  };
}

/** `block 7 of lane 12..`, `commit QC 3`: as messages name it. */
export function nameOf(place: Place): string {
  switch (place.kind) {
    case "block":
      return `block ${place.number} of lane ${place.lane}`;
    case "laneQC":
      return `the lane QC of block ${place.number} of lane ${place.lane}`;
    case "commitQC":
      return `commit QC ${place.roadIndex}`;
    case "anchor":
      return `prune anchor ${place.roadIndex}`;
    case "voteState":
      return `the vote state of road index ${place.roadIndex}`;
  }
}
