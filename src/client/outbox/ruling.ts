/**
 * The meaning of a verdict for its item. An item that an earlier stream had may be held by the service
 * already, as the answer to it was lost: the same bytes are no error then, and what an anchor has passed
 * meanwhile was kept as long as it was of use.
 */
import { PersistResponseOutcome as Outcome } from "../../rpc/api/keeper.js";
import type { Failure } from "../../rpc/api/types.js";
import { errorOf } from "../../rpc/failures.js";
import { PersisterError } from "../../types/errors.js";
import type { Picture } from "../picture/picture.js";
import { factsOf, type Item, nameOf, type Place, placeOf } from "./item.js";

export type Ruling =
  /** The service has it. */
  | { readonly kind: "admitted" }
  /** Nothing more can become of it. */
  | { readonly kind: "done" }
  /** An ordinary answer: it names another parent. */
  | { readonly kind: "dropped"; readonly error: PersisterError }
  /** Its lane is full: later. */
  | { readonly kind: "full" }
  | { readonly kind: "refused"; readonly error: PersisterError };

export interface Verdict {
  readonly outcome: number;
  readonly failure: Failure | undefined;
}

/** Items that are durable when they have their verdict, or of no use. */
const settledAtOnce: ReadonlySet<Place["kind"]> = new Set(["laneQC", "voteState"]);

export function rulingOf(item: Item, { outcome, failure }: Verdict, picture: Picture): Ruling {
  const { place, isRepeated, isHeld } = item;
  switch (outcome) {
    case Outcome.ADMITTED:
    case Outcome.DURABLE:
      return isPast(place, picture) ? { kind: "done" } : { kind: "admitted" };
    case Outcome.DUPLICATE:
      if (place.kind === "block" && (!isRepeated || isHeld))
        return refused(item, failure, "DUPLICATE");
      return isPast(place, picture) ? { kind: "done" } : { kind: "admitted" };
    case Outcome.DROPPED:
      return { kind: "dropped", error: withPlace(item, failure, "INVALID") };
    default:
      if (failure?.code === "LANE_FULL") return { kind: "full" };
      if (failure?.code === "OUT_OF_SEQUENCE" && isRepeated && isPast(place, picture)) {
        return { kind: "done" };
      }
      return refused(item, failure, "INVALID");
  }
}

/** Whether what stands at `place` is durable, or an anchor has passed it. */
export function isPast(place: Place, { lanes, road, anchorRoadIndex = -1n }: Picture): boolean {
  if (settledAtOnce.has(place.kind)) return true;
  if ("lane" in place) return place.number < (lanes.get(place.lane)?.durable ?? 0n);
  return place.kind === "anchor"
    ? place.roadIndex <= anchorRoadIndex
    : place.roadIndex < road.durable;
}

function refused(item: Item, failure: Failure | undefined, code: "DUPLICATE" | "INVALID"): Ruling {
  return { kind: "refused", error: withPlace(item, failure, code) };
}

/** D2: the error carries what was offered. */
function withPlace(
  { place, bytes }: Item,
  failure: Failure | undefined,
  code: "DUPLICATE" | "INVALID",
): PersisterError {
  const facts = { ...factsOf(place), offered: bytes };
  if (failure) {
    const error = errorOf(failure);
    return new PersisterError(error.code, error.message, { ...facts, ...placeOf(error) });
  }
  const what = code === "DUPLICATE" ? "the same bytes are held already" : "it was refused";
  return new PersisterError(code, `${nameOf(place)}: ${what}`, facts);
}
