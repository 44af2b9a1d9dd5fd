/** Records that an anchor has passed, and that can be read yet. */
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import type { LaneLog } from "../log/lane-log.js";
import type { LogSet } from "../log/log-set.js";

/** The two places in which a record of one log may be. */
interface PassedIn {
  readonly log: Pick<LaneLog<unknown>, "first" | "next" | "readHeld"> | undefined;
  readonly logs: Pick<LogSet, "retains" | "readRetained">;
  /** The first number that the durable anchor lets the log keep. */
  readonly start: bigint | undefined;
}

/**
 * A record below the start: from the log itself while it is not truncated yet, else as it is retained.
 * `undefined` if it is neither. The caller's to keep.
 */
export async function readPassed(
  { log, logs, start }: PassedIn,
  name: string,
  number: bigint,
): Promise<Uint8Array | undefined> {
  const isPassed =
    log !== undefined && start !== undefined && number >= log.first && number < start;
  if (isPassed && (!logs.retains || number >= log.next)) return undefined;
  const held = isPassed ? await log.readHeld(number) : undefined;
  // A truncation took the record from the log while it was read: the log's start rises within this turn,
  // and the record is a retained one then.
  if (isPassed && !held) await turnOfTheLoop();
  const bytes = held ?? (await logs.readRetained(name, number));
  return bytes && Uint8Array.from(bytes);
}
