/** The surroundings of a machine's reservations, and what is asked of them and told about them. */
import type { LanekeeperError } from "../types/lanekeeper-error.js";
import type { ChainFacts } from "./chain.js";
import type { Machine, SeriesName } from "./record.js";
import type { Ends, Places, RunFacts } from "./run.js";

export interface ReservationsPort extends ChainFacts, RunFacts {
  /** The places that this machine gave out in earlier runs, as far as the words for them may be used yet. */
  readonly ends: Ends;
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

export interface ReservationsStatus {
  /** The place of the record. */
  readonly at: string;
  readonly machine: Machine;
  /** `opening` until the record was seen; `standing by` while another machine is the holder. */
  readonly state: "opening" | "holding" | "standing by";
  readonly holder: Machine | undefined;
  /** The places that this machine may sign. A series that it took over is empty at first: it begins there. */
  readonly series: ReadonlyMap<SeriesName, Places>;
  /** Records that this run has put, and its steps that failed. */
  readonly puts: number;
  readonly failures: number;
  /** Why nothing more can be reserved at the moment. */
  readonly failure: LanekeeperError | undefined;
}
