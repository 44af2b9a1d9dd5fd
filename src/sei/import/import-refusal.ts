/** The refusals of an import, and their reasons. */
import type { LaneId } from "../../types/lane.js";
import type { VerifyErrorClass } from "../../wire/verify-error.js";
import type { StateErrorClass } from "../format/state-error.js";

/** The reason for which a record, or a whole log, is refused. */
export type ImportRefusalReason =
  /** The log, or the A/B pair, is refused as a whole: sei-chain would not open or load it either. */
  | StateErrorClass
  /** A rule of the protocol is broken. */
  | VerifyErrorClass
  /** The record lies in the directory of another lane. */
  | "wrong_lane"
  /** The number inside the record is not the index that it is stored under. */
  | "wrong_number"
  /** A commit QC at the anchor's road commits another proposal than the anchor. */
  | "other_proposal"
  /** The record itself may be sound. One below it in its log was refused, so it links to nothing. */
  | "after_refused"
  /** Two directories have the name of one lane, in upper and in lower case. */
  | "two_directories"
  /** The votes hold a field of a schema that is not known here: it may be a vote. */
  | "unknown_field";

/** One refusal, with every fact that applies. Without `index` it is about the log as a whole. */
export interface ImportRefusal {
  readonly reason: ImportRefusalReason;
  readonly detail: string;
  /** The lane by its directory; none for commit QCs and votes. */
  readonly lane: LaneId | undefined;
  /** The number that the record itself names: of a block, or of a road. */
  readonly number: bigint | undefined;
  /** The index that the record is stored under. */
  readonly index: bigint | undefined;
  readonly file: string | undefined;
  /** The byte of `file` at which the record begins. */
  readonly offset: number | undefined;
  /** The error behind it, if there is one. */
  readonly cause: unknown;
}
