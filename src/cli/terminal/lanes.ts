import { type LaneId, laneParts } from "../../types/lane.js";

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
