/**
 * What the two processes of `lanekeeper run` say to each other, as values: commands go from the
 * parent to the child, events come back. `codec.ts` makes bytes of them; `proto/run.proto` is the
 * schema. Byte strings are views where a message was decoded: copy what is kept.
 */
import type { LaneId } from "../../types/lane.js";

interface LanePlace {
  readonly lane: LaneId;
  readonly number: bigint;
}

interface RoadPlace {
  readonly index: bigint;
}

interface Encoded {
  readonly bytes: Uint8Array;
}

/** Numbers `[first, next)`. */
export interface Range {
  readonly first: bigint;
  readonly next: bigint;
}

/** What the child needs to open the store; `keys` is the committee, each of weight 1. */
export interface OpenCommand {
  readonly kind: "open";
  readonly directory: string;
  readonly chainId: string;
  readonly keys: readonly Uint8Array[];
}

export type BlockCommand = { readonly kind: "block" } & LanePlace & Encoded;
export type RoadCommand = { readonly kind: "commitQc" | "anchor" } & RoadPlace & Encoded;
export type Command = OpenCommand | BlockCommand | RoadCommand | { readonly kind: "close" };

/** The child's measurements, sent a few times a second. */
export interface StatsEvent {
  readonly kind: "stats";
  readonly rssBytes: number;
  readonly rssBytesMax: number;
  readonly diskBytes: number;
  /** From a block in the queue to the block on disk; 0 before the first one. */
  readonly persistP50Ms: number;
  readonly persistP99Ms: number;
}

/** One piece of what recovery returned; `recovered` says that it was the last one. */
export type FoundEvent =
  | ({ readonly kind: "anchorFound" | "commitQcFound" } & RoadPlace & Encoded)
  | ({ readonly kind: "laneFound"; readonly lane: LaneId } & Range)
  | ({ readonly kind: "blockFound" } & LanePlace & Encoded)
  | ({ readonly kind: "roadFound" } & Range)
  | ({ readonly kind: "pinFound"; readonly headerHash: Uint8Array } & LanePlace);

/** Says that what it names, and all below it, is durable. */
export type DurableEvent =
  | ({ readonly kind: "blockDurable" } & LanePlace)
  | ({ readonly kind: "commitQcDurable" | "anchorDurable" } & RoadPlace);

export interface RecoveredEvent {
  readonly kind: "recovered";
  readonly durationMs: number;
  readonly warnings: readonly string[];
}

export type Event =
  | { readonly kind: "opening" | "closed" }
  | FoundEvent
  | RecoveredEvent
  | DurableEvent
  | ({ readonly kind: "dropped"; readonly reason: string } & LanePlace)
  | StatsEvent
  | { readonly kind: "failed"; readonly code: string; readonly message: string };
