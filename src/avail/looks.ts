/** The looks of those who wait: an answer, or `undefined` for "not yet". An error ends the wait. */
import type { LaneId } from "../types/lane.js";
import { assert } from "../types/assert.js";
import type { PersisterError } from "../types/errors.js";
import type { Inner } from "./inner.js";
import type { LaneQueue } from "./queues/lane-queue.js";
import { laneDropped, unsynced, unwritten } from "./refusals.js";

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

/** How far was admitted at one moment. */
class Admitted {
  readonly #inner: Inner;
  readonly #lanes = new Map<LaneId, { readonly queue: LaneQueue; readonly next: bigint }>();
  readonly #roadNext: bigint;
  readonly #anchor: bigint;

  constructor(inner: Inner) {
    this.#inner = inner;
    for (const [lane, queue] of inner.lanes) {
      const { durable, next } = queue;
      if (durable < next) this.#lanes.set(lane, { queue, next });
    }
    this.#roadNext = inner.road.next;
    this.#anchor = inner.anchors.newest?.roadIndex ?? -1n;
  }

  /** The lanes with blocks that were not durable at that moment. */
  get lanes(): Iterable<LaneId> {
    return this.#lanes.keys();
  }

  /** Whether any of it is on its way yet: a lane that was refused is not. Looks no further than the first one. */
  get isGoingOn(): boolean {
    for (const [lane, { queue }] of this.#lanes) {
      if (this.#isLaneLeft(lane) && !queue.refused) return true;
    }
    return this.#isRoadLeft || this.#isAnchorLeft;
  }

  /** The blocks, the QCs and the anchor that are left, and why one of these lanes goes no further. */
  left(): { readonly places: readonly string[]; readonly refused: PersisterError | undefined } {
    const { road } = this.#inner;
    const places: string[] = [];
    let refused: PersisterError | undefined;
    for (const [lane, { queue, next }] of this.#lanes) {
      if (!this.#isLaneLeft(lane)) continue;
      places.push(`blocks [${queue.durable}, ${next}) of lane ${lane}`);
      refused ??= queue.refused;
    }
    if (this.#isRoadLeft) places.push(`commit QCs [${road.durable}, ${this.#roadNext})`);
    if (this.#isAnchorLeft) places.push(`the prune anchor at road ${this.#anchor}`);
    return { places, refused };
  }

  /** Nobody waits for what an anchor has passed, or for a lane that was dropped. */
  #isLaneLeft(lane: LaneId): boolean {
    const admitted = this.#lanes.get(lane);
    if (!admitted) return false;
    const { queue, next } = admitted;
    const isLeft = this.#inner.lanes.get(lane) === queue && queue.durable < next;
    if (!isLeft) this.#lanes.delete(lane);
    return isLeft;
  }

  get #isRoadLeft(): boolean {
    return this.#inner.road.durable < this.#roadNext;
  }

  get #isAnchorLeft(): boolean {
    return (this.#inner.anchors.durable?.roadIndex ?? -1n) < this.#anchor;
  }
}

/**
 * Looks for one who waits until all that is admitted now is durable, and the lanes that it looks at.
 * `failure` is why the store goes on no more: a poison ends the wait, also where nothing waits.
 */
export function syncLook(
  inner: Inner,
  failure: () => PersisterError | undefined,
): { readonly lanes: readonly LaneId[]; readonly look: () => true | undefined } {
  const admitted = new Admitted(inner);
  const look = (): true | undefined => {
    const poison = failure();
    if (poison && poison.code !== "CLOSED") throw poison;
    if (!inner.stalled && admitted.isGoingOn) return undefined;
    const { places, refused } = admitted.left();
    const cause = inner.stalled ?? refused;
    if (places.length === 0) return true;
    assert(cause !== undefined, "without a refusal it goes on");
    throw unsynced(places, cause);
  };
  return { lanes: [...admitted.lanes], look };
}

/** Why not all that was admitted is durable, at the end of a store; `undefined` if all of it is. */
export function unwrittenLook(inner: Inner): PersisterError | undefined {
  const { places, refused } = new Admitted(inner).left();
  const cause = inner.stalled ?? refused;
  return cause && places.length > 0 ? unwritten(places, cause) : undefined;
}
