/** Why a state directory, or a part of one, cannot be used. */
import { LanekeeperError } from "../../types/lanekeeper-error.js";

/** The classes of the original's refusals, and `too_large` for what is not read into memory. */
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
  // What the availability layer asks of lanes and road.
  "epoch",
  "road_gap",
  "lane_gap",
  "parent_hash",
  "over_capacity",
  "other",
] as const;

export type StateErrorClass = (typeof stateErrorClasses)[number];

/** Where it is, each fact that applies. `number` is a block number, or a road index without `lane`. */
export interface StateErrorFacts {
  readonly file?: string;
  /** The byte in `file` at which what is wrong begins. */
  readonly offset?: number;
  readonly lane?: string;
  readonly number?: bigint;
  readonly cause?: unknown;
}

/**
 * A state directory that sei-chain would refuse to open or to load. Its code is SOURCE_REFUSED. An
 * error of the disk stays the `PersisterError` that it is.
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
