/** The reasons for which a state directory, or a part of one, cannot be used. */
import { LanekeeperError } from "../../types/lanekeeper-error.js";

/** The classes of sei-chain's refusals, and `too_large` for a file that is not read into memory. */
export const stateErrorClasses = [
  // A log's directory, as opening sees it.
  "magic",
  "version",
  "sequence_gap",
  "duplicate_sequence",
  // A log's content, as reading sees it.
  "iterator_range",
  "sealed_corrupt",
  "sealed_content_mismatch",
  "record_does_not_decode",
  "file_missing",
  "too_large",
  // The A/B pair.
  "same_sequence",
  "no_valid_slot",
  "unmarshal",
  // The rules of the availability layer for lanes and road.
  "epoch",
  "road_gap",
  "lane_gap",
  "parent_hash",
  "over_capacity",
  "other",
] as const;

export type StateErrorClass = (typeof stateErrorClasses)[number];

/** The place of the fault, each fact that applies. `number` is a block number, or a road index without `lane`. */
export interface StateErrorFacts {
  readonly file?: string;
  /** The byte in `file` at which the fault begins. */
  readonly offset?: number;
  readonly lane?: string;
  readonly number?: bigint;
  readonly cause?: unknown;
}

/**
 * A state directory that sei-chain would refuse to open or to load. Its code is SOURCE_REFUSED. An
 * error of the disk stays a `PersisterError`.
 */
export class StateError extends LanekeeperError {
  declare readonly errorClass: StateErrorClass;
  declare readonly file?: string;
  declare readonly offset?: number;
  declare readonly lane?: string;
  declare readonly number?: bigint;

  constructor(errorClass: StateErrorClass, detail: string, facts: StateErrorFacts = {}) {
    const where = facts.file === undefined ? "" : `${facts.file}: `;
    const message = `${where}${detail} (${errorClass})`;
    super("StateError", "SOURCE_REFUSED", message, { errorClass, ...facts });
  }
}
