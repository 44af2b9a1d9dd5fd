/** The status with which a call ends, in the library's terms. */
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { hasCode, PersisterError } from "../../types/errors.js";
import { isLanekeeperError, type LanekeeperError } from "../../types/lanekeeper-error.js";
import { InvariantError } from "../../types/assert.js";
import { Malformed } from "../../wire/codec/cursor.js";
import { detailsOf, shortened, statusNumberOf } from "../../rpc/failures.js";

/** A header has three letters for each byte that is no plain one; the whole message is in the details. */
const SHORT_BYTES_MAX = 512;

/** The error that a caller is told, of whatever a handler threw. */
export function toldError(cause: unknown): LanekeeperError {
  if (isLanekeeperError(cause)) return cause;
  if (cause instanceof Malformed) {
    return new PersisterError("USAGE", `the request does not decode: ${cause.message}`, { cause });
  }
  return new InvariantError("a handler throws errors of ours alone; see the log of the service");
}

/** The reason of the signal that ended a wait, where the reason is an error of ours; `cause` otherwise. */
export function endOfWait(cause: unknown): unknown {
  return hasCode(cause, "ABORTED") && isLanekeeperError(cause.cause) ? cause.cause : cause;
}

export function statusOf(error: LanekeeperError): StatusObject {
  const metadata = new Metadata();
  const details = detailsOf(error);
  metadata.set(
    "grpc-status-details-bin",
    Buffer.from(details.buffer, details.byteOffset, details.length),
  );
  return {
    code: statusNumberOf(error),
    details: shortened(error.message, SHORT_BYTES_MAX),
    metadata,
  };
}
