/** The errors with which a running journal refuses entries. */
import { isDiskFull, PersisterError, reasonOf } from "../../types/errors.js";
import { type AppendEntry, contentBytes } from "./group.js";

export function closedError(): PersisterError {
  return new PersisterError("CLOSED", "the store is closed");
}

/** D7: the first failure of a durable write is final. */
export function poisonOf(cause: unknown): PersisterError {
  const facts = cause instanceof PersisterError && cause.file ? { file: cause.file } : {};
  const said = reasonOf(cause);
  const what = isDiskFull(cause)
    ? `${said}; the file system did not keep the room of this file`
    : said;
  return new PersisterError(
    "POISONED",
    `nothing is acknowledged any more since this failed: ${what}; close, reopen, verify`,
    { ...facts, cause },
  );
}

/** D9: a full disk is backpressure. */
export function noRoomError(cause: PersisterError, what: string): PersisterError {
  return new PersisterError(
    "DISK_FULL",
    `no room for another ${what}: ${cause.message}; nothing was harmed`,
    { cause, ...(cause.file === undefined ? {} : { file: cause.file }) },
  );
}

/** The heads of segments have no room for another entry; `name` is the log that none has room for. */
export function crowdedError(name?: string): PersisterError {
  const what = name === undefined ? "" : `no room for another log (${name}): `;
  return new PersisterError(
    "TOO_MANY_LANES",
    `${what}this store has as many logs and segments as its segment size allows: prune, drop lanes, ` +
      "or reopen with a larger segmentBytes; nothing was harmed",
    name === undefined ? {} : { lane: name },
  );
}

/** No segment holds it, or its batch; `most` bytes of a record would be taken. */
export function oversizedError(entry: AppendEntry, most: number): PersisterError {
  const { name, number, more } = entry;
  const what = more ? "it and its batch" : `${contentBytes(entry)} bytes`;
  return new PersisterError(
    "INVALID",
    `record ${number} of ${name}: ${what} are more than a segment holds (${most})`,
    { lane: name, blockNumber: number },
  );
}
