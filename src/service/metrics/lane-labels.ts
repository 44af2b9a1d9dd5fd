/**
 * The label of each lane: its index in the committee, and for a lane that has left the committee
 * `left-0`, `left-1`, in the order of the lanes' ids. A key is never a label.
 */
import type { LaneId } from "../../types/lane.js";

/** The lanes in the order of their labels: the committee's by index, then those that have left it. */
export function laneLabels(
  lanes: Iterable<LaneId>,
  laneIndex: (lane: LaneId) => number | undefined,
): ReadonlyMap<LaneId, string> {
  const members: { readonly lane: LaneId; readonly index: number }[] = [];
  const left: LaneId[] = [];
  for (const lane of lanes) {
    const index = laneIndex(lane);
    if (index === undefined) left.push(lane);
    else members.push({ lane, index });
  }
  members.sort((a, b) => a.index - b.index);
  left.sort();
  return new Map([
    ...members.map(({ lane, index }) => [lane, String(index)] as const),
    ...left.map((lane, index) => [lane, `left-${index}`] as const),
  ]);
}
