/** The meaning of an error with which a validator ended. */
import { errorCodes, isErrorCode, PersisterError } from "../../types/errors.js";
import type { Report } from "../judge/report.js";

/**
 * A store that calls itself damaged after a kill is a violation; any other error ends the run.
 */
export function meaningOf(
  index: number,
  { code, message }: Extract<Report, { kind: "failed" }>,
): { readonly violation: string } | { readonly failure: Error } {
  if (!isErrorCode(code)) return { failure: new Error(`validator ${index}: ${code}: ${message}`) };
  const { exit } = errorCodes[code];
  const isDamage = exit >= 20 && exit < 30;
  if (isDamage) return { violation: `${code}: ${message}` };
  return { failure: new PersisterError(code, `validator ${index}: ${message}`) };
}
