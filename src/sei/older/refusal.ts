/**
 * Why the older revision would not open what is in a directory. Not an error of ours or of the disk:
 * whoever reads a whole state keeps it as the verdict on one log and goes on with the others.
 */

/**
 * `corrupt`: the files cannot be read as a log or a slot. `decode`: a record is no message of its
 * type. `gap`: the records are not consecutive. `panic`: the original stops there with a run-time
 * error of Go, where it means to read on.
 */
export type OlderRefusalReason = "corrupt" | "decode" | "gap" | "panic";

export class OlderRefusal extends Error {
  override readonly name = "OlderRefusal";
  readonly reason: OlderRefusalReason;
  /** The file or directory it is about. */
  readonly path: string;

  constructor(reason: OlderRefusalReason, path: string, detail: string, cause?: unknown) {
    super(`${path}: ${detail} (${reason})`, cause === undefined ? {} : { cause });
    this.reason = reason;
    this.path = path;
  }
}
