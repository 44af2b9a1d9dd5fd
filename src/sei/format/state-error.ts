/** Why a state directory, or a part of one, cannot be used. */

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
 * A state directory that the original would refuse to open or to load. An error of the disk is none
 * of these: it stays the `PersisterError` that it is.
 */
export class StateError extends Error {
  override readonly name = "StateError";
  readonly errorClass: StateErrorClass;
  readonly file: string | undefined;
  readonly offset: number | undefined;
  readonly lane: string | undefined;
  readonly number: bigint | undefined;

  constructor(errorClass: StateErrorClass, detail: string, facts: StateErrorFacts = {}) {
    const where = facts.file === undefined ? "" : `${facts.file}: `;
    super(
      `${where}${detail} (${errorClass})`,
      facts.cause === undefined ? {} : { cause: facts.cause },
    );
    this.errorClass = errorClass;
    this.file = facts.file;
    this.offset = facts.offset;
    this.lane = facts.lane;
    this.number = facts.number;
  }
}
