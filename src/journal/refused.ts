/** What a running journal says of entries that it does not take. */
import { PersisterError } from "../types/errors.js";
import type { AppendEntry } from "./group.js";

export function closedError(): PersisterError {
  return new PersisterError("CLOSED", "the store is closed");
}

/** D7: the first failure of a durable write is final. */
export function poisonOf(cause: unknown): PersisterError {
  const facts = cause instanceof PersisterError && cause.file ? { file: cause.file } : {};
  const what = cause instanceof Error ? cause.message : String(cause);
  return new PersisterError(
    "POISONED",
    `nothing is acknowledged any more since this failed: ${what}; close, reopen, verify`,
    { ...facts, cause },
  );
}

/** D9: a full disk is backpressure. */
export function noRoomError(cause: PersisterError): PersisterError {
  return new PersisterError(
    "DISK_FULL",
    `no room for another journal segment: ${cause.message}; nothing was harmed`,
    { cause, ...(cause.file === undefined ? {} : { file: cause.file }) },
  );
}

/** No segment holds it; `most` bytes would be taken. */
export function oversizedError({ name, number, payload }: AppendEntry, most: number) {
  return new PersisterError(
    "INVALID",
    `record ${number} of ${name}: ${payload.length} bytes are more than a segment holds (${most})`,
    { lane: name, blockNumber: number },
  );
}
