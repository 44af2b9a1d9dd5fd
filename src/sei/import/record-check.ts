/** The outcome of checking one record of a log that is imported, and the rules that decide it. */
import { VerifyError } from "../../wire/verify-error.js";
import type { ImportRefusalReason } from "./import-refusal.js";

export type CheckResult<T> =
  | { readonly kind: "taken"; readonly taken: T }
  /** It lies below the start of its log: pruned, and not checked. */
  | { readonly kind: "below" }
  | RefusedRecord;

export interface RefusedRecord {
  readonly kind: "refused";
  readonly reason: ImportRefusalReason;
  readonly detail: string;
  readonly cause?: unknown;
}

/** A rule for records: `broken` says what is wrong with one, or nothing. */
export interface RecordRule<Case> {
  readonly reason: ImportRefusalReason;
  readonly broken: (facts: Case) => string | undefined;
}

/** The refusal by the first of `rules` that `facts` break. */
export function firstBroken<Case>(
  rules: readonly RecordRule<Case>[],
  facts: Case,
): RefusedRecord | undefined {
  for (const { reason, broken } of rules) {
    const detail = broken(facts);
    if (detail !== undefined) return { kind: "refused", reason, detail };
  }
  return undefined;
}

/** The refusal for a broken rule of the protocol. Throws any other error on. */
export function refusedBy(cause: unknown): RefusedRecord {
  if (!(cause instanceof VerifyError)) throw cause;
  return { kind: "refused", reason: cause.errorClass, detail: cause.message, cause };
}
