/** The cursors of a store, for those who follow them: a service tells its clients how far they moved. */
import type { LaneId } from "../types/lane.js";
import type { Inner } from "./inner.js";

/** [first, next) is held, and [first, durable) is on disk. */
export interface Cursor {
  readonly first: bigint;
  readonly durable: bigint;
  readonly next: bigint;
}

export interface Cursors {
  /** Live views: to be read in the step in which they are given. */
  readonly lanes: ReadonlyMap<LaneId, Cursor>;
  readonly road: Cursor;
  /** The road index of the durable anchor, and of the newest one that was admitted. */
  readonly anchor: { readonly durable: bigint | undefined; readonly newest: bigint | undefined };
}

export function cursorsOf({ lanes, road, anchors }: Inner): Cursors {
  const { durable, newest } = anchors;
  return { lanes, road, anchor: { durable: durable?.roadIndex, newest: newest?.roadIndex } };
}
