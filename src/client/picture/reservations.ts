/** The reservations of a store, as its service tells of them. */
import { reservationStates } from "../../node/signing/reserving.js";
import type { Status } from "../../node/status.js";
import type { ReservationStatus } from "../../rpc/api/types.js";
import { errorOf } from "../../rpc/failures.js";
import { rangeOf } from "./recovery.js";

/** A state that this client does not know allows nothing, and so reads as the one that allows least. */
export function reservationsOf(told: ReservationStatus | undefined): Status["reservations"] {
  if (!told) return undefined;
  const { at, machine, state, holder, series, failure } = told;
  return {
    at,
    machine,
    state: reservationStates.find((each) => each === state) ?? "standing by",
    holder: holder === "" ? undefined : holder,
    places: new Map(series.map(({ name, places }) => [name, rangeOf(places)])),
    puts: Number(told.puts),
    failures: Number(told.failures),
    failure: failure && errorOf(failure),
  };
}
