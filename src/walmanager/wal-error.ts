/** The reasons for which a log of WalManager cannot be read on. */
import { LanekeeperError } from "../types/lanekeeper-error.js";

export const walErrorClasses = [
  /** Nothing is at the path, or a file without a single record. */
  "not_a_log",
  /** A single-file log was migrated to a directory, and another log was begun at the old path. */
  "two_logs",
  /** A name that looks like a segment's, and that no writer gives. */
  "segment_name",
  /** A record does not verify, and is no torn tail. */
  "damaged_record",
  /** Between two segments LSNs are missing: a segment, or the end of one. */
  "missing_records",
  /**
   * An LSN does not lie above those before it, or lies below the name of its segment, or is the highest
   * of all, which no LSN can follow.
   */
  "lsn_order",
  /** The format version is newer than any that is known. */
  "too_new",
  /** A type that is not known here and may not be skipped. */
  "unknown_type",
  /** The payload is encrypted, and no key that was given opens it. */
  "encrypted",
  /** A file became shorter while it was read. */
  "changed",
] as const;

export type WalErrorClass = (typeof walErrorClasses)[number];

/** The place of the fault, each fact that applies. */
export interface WalErrorFacts {
  readonly file: string;
  /** The byte in `file` at which the fault begins. */
  readonly offset?: number;
  /** Of the record, or the first that is missing. */
  readonly lsn?: bigint;
  /** Of the record, without the bit for encryption. */
  readonly type?: number;
}

/**
 * A log that cannot be read on. Its code is SOURCE_REFUSED. An error of the disk stays a
 * `PersisterError`.
 */
export class WalError extends LanekeeperError {
  declare readonly errorClass: WalErrorClass;
  declare readonly file: string;
  declare readonly offset?: number;
  declare readonly lsn?: bigint;
  declare readonly type?: number;

  constructor(errorClass: WalErrorClass, detail: string, facts: WalErrorFacts) {
    const at = facts.offset === undefined ? "" : ` at byte ${facts.offset}`;
    const message = `${facts.file}${at}: ${detail} (${errorClass})`;
    super("WalError", "SOURCE_REFUSED", message, { errorClass, ...facts });
  }
}
