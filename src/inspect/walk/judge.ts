/**
 * The rules by which a live record is judged: those of a validator's store, or those of a journal of records. They are
 * recovery's own; an inspection goes on where recovery stops.
 */
import { RecordChecks } from "../../persist/record-checks.js";
import type { RecoveredRecord } from "../../journal/recovery/scan.js";
import type { PersisterError } from "../../types/errors.js";
import type { CommitQC } from "../../wire/messages.js";
import { RecordCheck } from "../../records/log/record-check.js";
import { OWN_TYPE } from "../../records/log/envelope.js";

/** The kind of a store: a validator's, or a journal of records. */
export type StoreKind = "validator" | "records";

export interface RecordJudge {
  /** Judges one record, in any order; returns its hash, where it is a block. @throws {PersisterError} */
  readonly visit: (record: RecoveredRecord) => Uint8Array | undefined;
  /** The refusals of records that are not linked to the one before them. */
  readonly brokenLinks: () => Iterable<PersisterError>;
  /** Every commit QC that was found. */
  readonly road: ReadonlyMap<bigint, CommitQC>;
}

/** The types of a journal's records are its program's: an inspection knows none of them, and takes them all. */
const everyType = { has: (type: number): boolean => (type & OWN_TYPE) === 0 };

export function judgeOf(kind: StoreKind): RecordJudge {
  if (kind === "validator") return new RecordChecks();
  return { ...recordsJudge(), brokenLinks: () => [], road: new Map() };
}

/** The visitor of a journal's recovery, for a program that knows every type. */
export function recordsJudge(): Pick<RecordJudge, "visit"> {
  const check = new RecordCheck(everyType);
  return { visit: (record) => check.visit(record) };
}
