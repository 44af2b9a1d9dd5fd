/** The surroundings of a machine's reservations, and what is asked of them and told about them. */
import type { LanekeeperError } from "../types/lanekeeper-error.js";
import type { ChainFacts } from "./chain.js";
import type { Machine, SeriesName } from "./record.js";
import type { StoreFacts } from "./signed.js";

export interface ReservationsPort extends ChainFacts, StoreFacts {
  /** This store, in this life. */
  readonly machine: Machine;
  /**
   * Places that are reserved in one put. More are reserved as soon as half of them are given out: the other
   * half is for the time of the put.
   */
  readonly places: bigint;
  readonly nowMs: () => number;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told when this machine cannot reserve any more, and why: it signs up to its bounds. */
  readonly onUnreserved: (error: LanekeeperError) => void;
}

/** The wish to become the holder. */
export interface Taking {
  readonly reason: string;
  /** An operator's word that no other machine has signed for this validator. */
  readonly isFirst: boolean;
  /** An operator's word that the other machines signed no block at or above it, and never will. */
  readonly ended: bigint | undefined;
}

/** Places of a series: [first, next). */
export interface Places {
  readonly first: bigint;
  readonly next: bigint;
}

export interface ReservationsStatus {
  /** The place of the record. */
  readonly at: string;
  /** `opening` until the record was seen; `standing by` while another machine is the holder. */
  readonly state: "opening" | "holding" | "standing by";
  readonly holder: Machine | undefined;
  /** The places that this machine may sign. */
  readonly series: ReadonlyMap<SeriesName, Places>;
  /** Records that this run has put. */
  readonly puts: number;
  /** Why nothing more can be reserved at the moment. */
  readonly failure: LanekeeperError | undefined;
}
