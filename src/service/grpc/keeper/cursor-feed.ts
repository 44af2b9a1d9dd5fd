/** Durable cursors as a client knows them: each message has those that moved since the last one. */
import type { Cursors } from "../../../avail/cursors.js";
import type { DurableCursors, LaneCursor } from "../../../rpc/api/types.js";
import { laneBytes } from "../../../rpc/failures.js";
import type { Encodable } from "../../../rpc/message.js";
import type { LaneId } from "../../../types/lane.js";

/** The cursor of a lane or of the road, as it was told. */
interface Told {
  readonly first: bigint;
  readonly durable: bigint;
}

export class CursorFeed {
  readonly #lanes = new Map<LaneId, Told>();
  #road: Told | undefined;
  #anchor: bigint | undefined;

  /** True if a cursor is not where it was told to be: to be asked with each move of one. */
  readonly hasMoved = ({ lanes, road, anchor }: Cursors): true | undefined => {
    if (this.#road === undefined || differs(road, this.#road)) return true;
    if (anchor.durable !== this.#anchor || lanes.size !== this.#lanes.size) return true;
    for (const [lane, cursor] of lanes) if (differs(cursor, this.#lanes.get(lane))) return true;
    return undefined;
  };

  /** The cursors that moved, which count as told then. The first time these are all of them. */
  take({ lanes, road, anchor }: Cursors): Encodable<typeof DurableCursors> {
    const moved: Encodable<typeof LaneCursor>[] = [];
    for (const [lane, cursor] of lanes) {
      if (!differs(cursor, this.#lanes.get(lane))) continue;
      const { first, durable } = cursor;
      this.#lanes.set(lane, { first, durable });
      moved.push({ lane: laneBytes(lane), first, durableNext: durable });
    }
    const gone = [...this.#lanes.keys()].filter((lane) => !lanes.has(lane));
    for (const lane of gone) this.#lanes.delete(lane);
    const isRoad = differs(road, this.#road);
    const isAnchor = anchor.durable !== this.#anchor;
    this.#road = { first: road.first, durable: road.durable };
    this.#anchor = anchor.durable;
    return {
      lanes: moved,
      ...(isRoad ? { road: { first: road.first, durableNext: road.durable } } : {}),
      ...(isAnchor ? { anchorRoadIndex: anchor.durable } : {}),
      droppedLanes: gone.map(laneBytes),
    };
  }
}

function differs(now: Told, told: Told | undefined): boolean {
  return now.first !== told?.first || now.durable !== told.durable;
}

/** Tells when everything that is admitted now is durable, or an anchor has gone past it. */
export function caughtUp({ lanes, road, anchor }: Cursors): (later: Cursors) => boolean {
  const ends = [...lanes].map(([lane, { next }]) => [lane, next] as const);
  const roadEnd = road.next;
  const anchorIndex = anchor.newest ?? -1n;
  return (later) => {
    const isLaneBehind = ends.some(([lane, end]) => (later.lanes.get(lane)?.durable ?? end) < end);
    return (
      !isLaneBehind && later.road.durable >= roadEnd && (later.anchor.durable ?? -1n) >= anchorIndex
    );
  };
}
