/** The reason for a decision that goes on record. */
import { PersisterError } from "../../types/errors.js";

const REASON_CHARS_MAX = 1000;

/** @throws {PersisterError} USAGE unless somebody says why. */
export function reasonIn(text: string): string {
  const reason = text.trim();
  if (reason.length > 0 && reason.length <= REASON_CHARS_MAX) return reason;
  throw new PersisterError("USAGE", `--reason takes 1 to ${REASON_CHARS_MAX} characters`);
}
