/** The reservations of a running service: whether its machine signs for the validator, and how far. */
import type { ReservationStatus } from "../../../rpc/api/types.js";
import type { Row } from "../../terminal/table.js";
import { nameText } from "../../terminal/lanes.js";

export interface ReservationsView {
  readonly at: string;
  readonly machine: string;
  readonly state: string;
  /** The machine that reserves at present; empty until the record was seen. */
  readonly holder: string;
  /** The places [first, next) that this machine may sign. */
  readonly series: readonly SeriesView[];
  readonly puts: bigint;
  readonly failures: bigint;
  /** Why nothing more can be reserved at the moment. */
  readonly failure?: string;
}

interface SeriesView {
  readonly name: string;
  readonly first: bigint;
  readonly next: bigint;
}

export function reservationsOfService(told: ReservationStatus): ReservationsView {
  const { at, machine, state, holder, series, puts, failures, failure } = told;
  return {
    at,
    machine,
    state,
    holder,
    series: series.map(({ name, places }) => {
      return { name, first: places?.first ?? 0n, next: places?.next ?? 0n };
    }),
    puts,
    failures,
    ...(failure ? { failure: `${failure.code}: ${failure.message}` } : {}),
  };
}

export function reservationRows(reservations: ReservationsView): readonly Row[] {
  const { at, state, holder, series, failure } = reservations;
  const by = state === "standing by" ? `, machine ${holder} reserves` : "";
  return [
    ["reservations", `${state}${by}, at ${at}`],
    ...(failure === undefined ? [] : [["", failure] as const]),
    ...series.map(({ name, first, next }): Row => {
      const [kind = "", lane = ""] = name.split("/");
      return [
        "",
        `${lane === "" ? kind : `${kind} of ${nameText(lane)}`}: may sign [${first}, ${next})`,
      ];
    }),
  ];
}
