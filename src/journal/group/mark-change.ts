/** The changes of the mark that an acknowledgement, or a message on its way to an A/B slot, makes. */
import type { Mark } from "../form/mark.js";
import type { MarkChange } from "../segment/mark-file.js";
import type { Group, PairEntry } from "./group.js";

/** `group` is durable; `last` is the LSN of its footer. A pin ends when its number is appended. */
export function groupAcked(mark: Mark, { appends }: Group, last: bigint): MarkChange {
  if (mark.pins.length === 0) return { acked: last };
  const appended = new Set(appends.map(({ name, number }) => `${name} ${number}`));
  const pins = mark.pins.filter(({ name, number }) => !appended.has(`${name} ${number}`));
  return { acked: last, pins };
}

/** Every mark names a message as in flight until it is acknowledged (D6). */
export function pairInFlight(mark: Mark, { role, seq, roadIndex }: PairEntry): MarkChange {
  const change = { [role]: { acked: mark[role].acked, inFlight: seq } };
  if (role === "anchor") return change;
  // D6: the road index of a vote that was lost in flight stands until a newer one is acknowledged.
  const lost = mark.vote.inFlight > mark.vote.acked ? mark.voteRoadIndex : 0n;
  return { ...change, voteRoadIndex: lost > roadIndex ? lost : roadIndex };
}

export function pairAcked({ role, seq }: PairEntry): MarkChange {
  return { [role]: { acked: seq, inFlight: seq } };
}
