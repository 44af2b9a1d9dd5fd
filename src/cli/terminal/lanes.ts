import { PersisterError } from "../../types/errors.js";
import { isLaneId, type LaneId, laneParts } from "../../types/lane.js";

const SHORT_DIGITS = 8;

/**
 * A lane as tables show it: the first digits of its validator's key, and the epoch in which the
 * validator joined where that is not the first one. JSON has the whole id.
 */
export function shortLane(lane: LaneId): string {
  const { joined } = laneParts(lane);
  const key = lane.slice(0, SHORT_DIGITS);
  return joined === 0n ? key : `${key}@${joined}`;
}

/** A log as tables show it; JSON has the whole name. */
export function nameText(name: string): string {
  return isLaneId(name) ? shortLane(name) : name;
}

/** The range of a log as tables show it. */
export function rangeText({
  first,
  next,
}: {
  readonly first: bigint;
  readonly next: bigint;
}): string {
  return first === next ? `empty at ${first}` : `[${first}, ${next})`;
}

/**
 * `text` as the first hex digits of a lane.
 *
 * @throws {PersisterError} USAGE.
 */
export function laneDigits(text: string): string {
  if (/^[0-9a-f]{1,80}(@\d{1,20})?$/.test(text)) return text;
  throw new PersisterError("USAGE", `--lane takes the first hex digits of a lane, not ${text}`);
}

/** Whether `lane` begins with `digits`; behind an "@" is the epoch, as `shortLane` writes it. */
export function isNamedBy(digits: string, lane: LaneId): boolean {
  const [begin = "", joined] = digits.split("@");
  if (!lane.startsWith(begin)) return false;
  return joined === undefined || laneParts(lane).joined === BigInt(joined);
}
