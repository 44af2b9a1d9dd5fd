/** What becomes of one record of a log that is imported. */
import { VerifyError } from "../../wire/verify-error.js";
import type { ImportRefusalReason } from "./import-refusal.js";

export type CheckResult<T> =
  | { readonly kind: "taken"; readonly taken: T }
  /** It lies below where its log starts: pruned, and not looked at. */
  | { readonly kind: "below" }
  | {
      readonly kind: "refused";
      readonly reason: ImportRefusalReason;
      readonly detail: string;
      readonly cause?: unknown;
    };

/** A rule for records: what is wrong with one, or undefined. Of several broken rules the first counts. */
export interface RecordRule<Case> {
  readonly reason: ImportRefusalReason;
  readonly broken: (facts: Case) => string | undefined;
}

/** The refusal by the first rule that `facts` break. */
export function firstBroken<Case>(
  rules: readonly RecordRule<Case>[],
  facts: Case,
): Extract<CheckResult<never>, { readonly kind: "refused" }> | undefined {
  for (const { reason, broken } of rules) {
    const detail = broken(facts);
    if (detail !== undefined) return { kind: "refused", reason, detail };
  }
  return undefined;
}

/** The refusal for a broken rule of the protocol; any other error goes on as it is. */
export function refusedBy(
  cause: unknown,
): Extract<CheckResult<never>, { readonly kind: "refused" }> {
  if (!(cause instanceof VerifyError)) throw cause;
  return { kind: "refused", reason: cause.errorClass, detail: cause.message, cause };
}
