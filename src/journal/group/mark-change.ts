/**
 * What a group changes in the mark: while it is on its way, and once it is on disk.
 */
import type { Group, PairEntry } from "./group.js";
import type { Mark } from "../form/mark.js";
import type { MarkChange } from "../segment/mark-file.js";

/** What the mark beside `group` names; `last` is the group's last LSN. */
export function groupInFlight(mark: Mark, group: Group, last: bigint): MarkChange {
  const { appends, drops, pairs } = group;
  return { intended: last, appends, drops, ...pairsInFlight(mark, pairs) };
}

/** What the next mark names once group and mark are on disk. */
export function groupAcked(mark: Mark, group: Group, last: bigint): MarkChange {
  const pins = openPins(mark.pins, group);
  const acked = pairsAcked(group.pairs);
  return { acked: last, intended: last, appends: [], drops: [], pins, ...acked };
}

/** The sequences that a group's mark names as in flight. */
function pairsInFlight(mark: Mark, pairs: readonly PairEntry[]): MarkChange {
  let change: MarkChange = {};
  for (const { role, seq, roadIndex } of pairs) {
    change = { ...change, [role]: { acked: mark[role].acked, inFlight: seq } };
    if (role !== "vote") continue;
    // D6: one that was lost in flight stays named, until a newer one is acknowledged.
    const lost = mark.vote.inFlight > mark.vote.acked ? mark.voteRoadIndex : 0n;
    change = { ...change, voteRoadIndex: lost > roadIndex ? lost : roadIndex };
  }
  return change;
}

function pairsAcked(pairs: readonly PairEntry[]): MarkChange {
  let change: MarkChange = {};
  for (const { role, seq } of pairs) change = { ...change, [role]: { acked: seq, inFlight: seq } };
  return change;
}

/** A pin ends when its number is appended: only the pinned block may have come there. */
function openPins(pins: Mark["pins"], group: Group): Mark["pins"] {
  if (pins.length === 0) return pins;
  const appended = new Set(group.appends.map((pin) => `${pin.name} ${pin.number}`));
  return pins.filter((pin) => !appended.has(`${pin.name} ${pin.number}`));
}
