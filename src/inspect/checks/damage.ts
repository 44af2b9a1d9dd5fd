/** The meaning of damage in a segment, by what the segment is for. */
import type { ErrorCode } from "../../types/errors.js";
import type { Severity } from "../finding.js";

export interface Damage {
  readonly code: ErrorCode;
  readonly severity: Severity;
}

/** D6: in the newest segment everything up to the acknowledged LSN must be there. */
export const ofNewest: Damage = { code: "ACKNOWLEDGED_LOST", severity: "error" };
export const ofSealed: Damage = { code: "JOURNAL_CORRUPT", severity: "error" };
/** Nothing pruned is promised: damage there costs what may be forgotten anyway. */
export const ofRetained: Damage = { code: "JOURNAL_CORRUPT", severity: "warning" };
export const RETAINED_MISSING = "the retained segment that the newest head lists here is missing";
