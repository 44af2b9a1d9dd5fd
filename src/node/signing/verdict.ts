/** The verdict of a store on a place that is to be signed, and its guards as an operator sees them (D6). */
import type { Inner } from "../../avail/inner.js";
import { isBelow, laneHeight } from "../../persist/guards/heights.js";
import {
  isReserved,
  type LaneFacts,
  type MaySign,
  maySignInLane,
  maySignOnRoad,
  type Place,
  type Reserved,
} from "../../persist/guards/may-sign.js";
import type { Persisters } from "../../persist/persisters.js";
import type { Reservations } from "../../reserve/reservations.js";
import type { LaneId } from "../../types/lane.js";
import { seriesOf } from "./reserving.js";

export const guardKinds = ["lanes", "votes"] as const;

/** The guards of a store, the newest decision about them, and whether they matter yet. */
export interface GuardStatus {
  /**
   * Of the blocks and lane votes of each lane that `byLane` does not name: numbers below it may have been
   * signed.
   */
  readonly lanes: bigint | "unknown";
  readonly byLane: ReadonlyMap<LaneId, bigint | "unknown">;
  /** Of votes and proposals: a road index. */
  readonly votes: bigint | "unknown";
  /** The guards that forbid a signature at the end of a lane, or of the road. */
  readonly standing: readonly ("lanes" | "votes")[];
  /** The source of the newest decision. */
  readonly by: "restored" | "repaired" | "watermarks" | "peers" | "operator";
  readonly reason: string;
  readonly atMs: number;
}

type Guarded = Pick<Persisters, "blocks" | "road" | "guards">;

/** Everything that a verdict looks at. */
interface Signing {
  readonly persisters: Guarded;
  readonly inner: Inner;
  readonly abstainThrough: bigint | undefined;
  /** `undefined` where this machine shares its keys with no other. */
  readonly reservations: Pick<Reservations, "placesOf" | "give"> | undefined;
}

/**
 * The verdict on a place, by what is held, pinned, guarded and reserved in this step. A place that may be
 * signed is given out: from here on it is never given back to another machine.
 */
export function maySignAt(place: Place, signing: Signing): MaySign {
  const { reservations } = signing;
  const series = seriesOf(place);
  const reserved = series && reservations?.placesOf(series.name);
  const verdict = verdictOn(place, { ...signing, reserved });
  if (verdict.may && series && reserved && isReserved(series.number, reserved)) {
    reservations?.give(series.name, series.number);
  }
  return verdict;
}

function verdictOn(
  place: Place,
  { persisters, inner, abstainThrough, reserved }: Signing & { readonly reserved: Reserved },
): MaySign {
  if (place.kind === "block" || place.kind === "laneVote") {
    const facts = laneFacts(place.lane, place.number, persisters, inner);
    return maySignInLane(place, { ...facts, reserved });
  }
  const { durable } = inner.road;
  const height = persisters.guards.heights.votes;
  return maySignOnRoad(place, { durable, height, abstainThrough, reserved });
}

function laneFacts(
  lane: LaneId,
  number: bigint,
  { blocks, guards }: Guarded,
  inner: Inner,
): Omit<LaneFacts, "reserved"> {
  const queue = inner.lanes.get(lane);
  return {
    first: queue?.first ?? 0n,
    durable: queue?.durable ?? 0n,
    held: queue?.hashOf(number) ?? blocks.hashOf(lane, number),
    pin: blocks.pinOf(lane, number),
    ...guards.ofLane(lane),
  };
}

export function guardStatusOf({ guards, blocks, road }: Guarded): GuardStatus | undefined {
  const { note } = guards;
  if (!note) return undefined;
  const { lanes, byLane, votes, by, reason, atMs } = note;
  const isLaneGuarded = [...blocks.lanes].some(([lane, { next }]) => {
    return isBelow(next, laneHeight(note, lane));
  });
  const stands = {
    lanes: isLaneGuarded || lanes === "unknown",
    votes: isBelow(road.log.next, votes),
  };
  const standing = guardKinds.filter((kind) => stands[kind]);
  return { lanes, byLane, votes, standing, by, reason, atMs };
}

/** The ways out of a guard are told with it. */
export function guardWarnings(guards: GuardStatus | undefined): readonly string[] {
  if (guards === undefined || guards.standing.length === 0) return [];
  const { lanes, votes } = guards;
  const isUnknown = lanes === "unknown" || votes === "unknown";
  const what = `this store is guarded (${guards.by}: ${guards.reason}): it may have signed more than it knows`;
  const then = isUnknown
    ? "nothing new is signed until the heights are known: give the old machine's watermarks, or ask the " +
      "peers, and call raiseGuard()"
    : `votes are signed from road ${votes} on, blocks of a lane above its guard`;
  return [`${what}; ${then}`];
}
