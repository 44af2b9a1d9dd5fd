/** The looks of those who wait: an answer, or `undefined` for "not yet". An error ends the wait. */
import type { LaneId } from "../types/lane.js";
import type { PersisterError } from "../types/errors.js";
import type { Inner } from "./inner.js";
import type { LaneQueue } from "./queues/lane-queue.js";
import { laneDropped, unwritten } from "./refusals.js";

/** How a wait for a block or a commit QC ends: it is durable, or an anchor has gone past it. */
export type Waited = "durable" | "pruned";

/** Looks for one waiter: it remembers the queue of the lane that it was asked about. */
export function blockLook(inner: Inner, lane: LaneId, number: bigint): () => Waited | undefined {
  let known: LaneQueue | undefined;
  return () => {
    const queue = inner.lanes.get(lane);
    const isLeaving = inner.isLeaving(lane);
    if (known && (known !== queue || isLeaving)) throw laneDropped(lane, number);
    // A wait that begins during a drop is for the lane that comes after it.
    if (isLeaving) return undefined;
    known = queue;
    if (!queue) return undefined;
    if (number < queue.first) return "pruned";
    if (number < queue.durable) return "durable";
    if (queue.refused) throw queue.refused;
    if (queue.dropped?.number === number) throw queue.dropped.refusal;
    if (inner.stalled && number < queue.next) throw inner.stalled;
    return undefined;
  };
}

export function commitQCLook({ road, stalled }: Inner, index: bigint): Waited | undefined {
  if (index < road.first) return "pruned";
  if (index < road.durable) return "durable";
  if (stalled && index < road.next) throw stalled;
  return undefined;
}

export function anchorLook({ anchors, stalled }: Inner, index: bigint): true | undefined {
  if (anchors.durable && anchors.durable.roadIndex >= index) return true;
  const isStalled = anchors.isStalled && (anchors.newest?.roadIndex ?? -1n) >= index;
  if (stalled && isStalled) throw stalled;
  return undefined;
}

/** Why not all that was admitted is durable, at the end of a store; `undefined` if all of it is. */
export function unwrittenLook({
  lanes,
  road,
  anchors,
  stalled,
}: Inner): PersisterError | undefined {
  const places: string[] = [];
  let cause = stalled;
  for (const [lane, { durable, next, refused }] of lanes) {
    if (durable === next) continue;
    places.push(`blocks [${durable}, ${next}) of lane ${lane}`);
    cause ??= refused;
  }
  if (road.durable < road.next) places.push(`commit QCs [${road.durable}, ${road.next})`);
  if (anchors.newest !== anchors.durable) {
    places.push(`the prune anchor at road ${anchors.newest?.roadIndex}`);
  }
  return cause && places.length > 0 ? unwritten(places, cause) : undefined;
}
