/** The reasons for which a well-formed message is refused. */
import { LanekeeperError } from "../types/lanekeeper-error.js";

export const verifyErrorClasses = [
  "quorum",
  "duplicate_signer",
  "not_a_replica",
  "bad_signature",
  "epoch",
  "road_range",
  "empty_tipcut",
  "range_too_long",
  "invalid_range",
  "not_a_lane",
  "nonzero_hash_on_empty_range",
  "headers_length",
  "header_hash",
  "road_index",
  "global_range",
  "missing",
  "timeout_road_index",
  "timeout_view_mismatch",
  "unnecessary_prepare_qc",
  "prepare_qc_view",
  "view",
  "global_first",
  "timestamp",
  "wrong_leader",
  "timeout_qc",
  "unnecessary_lane_qc",
  "reproposal",
  "range_first",
  "lane_qc_number",
  "lane_qc_hash",
  "payload_hash",
  "wrong_signer",
  "limit.txs",
  "limit.bytes",
  "epoch_zero",
  "zero_weight",
  "overflow",
  "too_many_validators",
  "other",
] as const;

export type VerifyErrorClass = (typeof verifyErrorClasses)[number];

/** A message, certificate or committee that breaks a rule of the protocol. Its code is INVALID. */
export class VerifyError extends LanekeeperError {
  declare readonly errorClass: VerifyErrorClass;

  constructor(errorClass: VerifyErrorClass, detail: string) {
    super("VerifyError", "INVALID", `${detail} (${errorClass})`, { errorClass });
  }
}

/** Tells whether `cause` is a `VerifyError`, of this copy of the package or of another. */
export function isVerifyError(cause: unknown): cause is VerifyError {
  return (
    cause instanceof VerifyError ||
    (cause instanceof Error && cause.name === "VerifyError" && "errorClass" in cause)
  );
}
