/**
 * The store as the client knows it: durable cursors, as the stream of the writer brings them, and the rest
 * as the newest status had it. Waits look at this picture, so that a wait costs no call.
 *
 * # Invariants
 *
 * - A durable cursor that was heard never falls: durable is durable, also behind a restart (D1). A service
 *   that says less after a reconnect has lost what it acknowledged, and the client ends (D6).
 * - A lane that was dropped and begins anew is another entry.
 */
import type { Range } from "../../node/start.js";
import type { DurableCursors } from "../../rpc/api/types.js";
import { PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import { heldLane } from "./values.js";

/** A number of a lane, and why a wait from there on is in vain. */
interface Stop {
  readonly number: bigint;
  readonly error: PersisterError;
}

export interface LanePicture {
  first: bigint;
  durable: bigint;
  /** The first block that is not admitted, as far as is known. */
  next: bigint;
  /** Why the lane goes no further, as the newest status says. */
  refused: PersisterError | undefined;
  /** The block that was dropped last for a wrong parent. */
  dropped: Stop | undefined;
  /** An admitted block that the service refused when it was pushed again: it cannot become durable. */
  broken: Stop | undefined;
}

export interface RoadPicture {
  first: bigint;
  durable: bigint;
  next: bigint;
  broken: Stop | undefined;
}

export class Picture {
  readonly lanes = new Map<LaneId, LanePicture>();
  readonly road: RoadPicture = { first: 0n, durable: 0n, next: 0n, broken: undefined };
  anchorRoadIndex: bigint | undefined;
  /** Why what is queued waits, while the disk is full. */
  stalled: PersisterError | undefined;

  /** Takes cursors that moved. Returns the lanes that changed, those that are gone among them. */
  move({ lanes, road, anchorRoadIndex, droppedLanes }: DurableCursors): LaneId[] {
    const changed: LaneId[] = [];
    for (const bytes of droppedLanes) {
      const lane = heldLane(bytes);
      if (this.lanes.delete(lane)) changed.push(lane);
    }
    for (const { lane: bytes, first, durableNext } of lanes) {
      const lane = heldLane(bytes);
      raise(this.laneOf(lane), { first, next: durableNext });
      changed.push(lane);
    }
    if (road) raise(this.road, { first: road.first, next: road.durableNext });
    if (anchorRoadIndex !== undefined) this.anchorRoadIndex = anchorRoadIndex;
    return changed;
  }

  /**
   * Takes the cursors with which a stream begins: all of them. A lane that had durable blocks and is not
   * there was dropped. Blocks that were admitted and are not durable have to be admitted once more.
   *
   * @throws {PersisterError} ACKNOWLEDGED_LOST where a cursor has fallen.
   */
  beginWith(cursors: DurableCursors): void {
    const named = new Map(cursors.lanes.map((each) => [heldLane(each.lane), each] as const));
    for (const [lane, { durable }] of this.lanes) {
      const found = named.get(lane);
      // Nothing of the lane was durable: a service that was killed has never heard of it.
      if (!found && durable > 0n) this.lanes.delete(lane);
      else if (found && found.durableNext < durable) {
        throw lost(`lane ${lane}: blocks [${found.durableNext}, ${durable})`, lane);
      }
    }
    const road = cursors.road ?? { first: 0n, durableNext: 0n };
    if (road.durableNext < this.road.durable) {
      throw lost(`commit QCs [${road.durableNext}, ${this.road.durable})`);
    }
    if ((cursors.anchorRoadIndex ?? -1n) < (this.anchorRoadIndex ?? -1n)) {
      throw lost(`the prune anchor at road ${this.anchorRoadIndex}`);
    }
    this.move(cursors);
    for (const lane of this.lanes.values()) {
      lane.next = lane.durable;
      lane.refused = undefined;
    }
    this.road.next = this.road.durable;
    this.stalled = undefined;
  }

  /** The lane's entry; a new one where nothing is known of it. */
  laneOf(lane: LaneId): LanePicture {
    const known = this.lanes.get(lane);
    if (known) return known;
    const made = {
      first: 0n,
      durable: 0n,
      next: 0n,
      refused: undefined,
      dropped: undefined,
      broken: undefined,
    };
    this.lanes.set(lane, made);
    return made;
  }
}

function raise(known: LanePicture | RoadPicture, { first, next }: Range): void {
  if (first > known.first) known.first = first;
  if (next > known.durable) known.durable = next;
  if (known.durable > known.next) known.next = known.durable;
  if (known.broken && known.broken.number < known.durable) known.broken = undefined;
}

/** D6: the service acknowledged it to this client before. */
function lost(what: string, lane?: LaneId): PersisterError {
  return new PersisterError(
    "ACKNOWLEDGED_LOST",
    `the service came back without what it had acknowledged as durable: ${what}`,
    lane === undefined ? {} : { lane },
  );
}
