/**
 * The label of each lane: its index in the committee, and for a lane that has left the committee
 * `left-0`, `left-1`, in the order of the lanes' ids. A key is never a label.
 */
import type { Status } from "../../node/status.js";
import type { LaneId } from "../../types/lane.js";
import type { Observed } from "../observed.js";

/** The lanes in the order of their labels: the committee's by index, then those that have left it. */
export function laneLabels(
  { lanes, epochIndex }: Pick<Status, "lanes" | "epochIndex">,
  laneIndex: Observed["laneIndex"],
): ReadonlyMap<LaneId, string> {
  const members: { readonly lane: LaneId; readonly index: number }[] = [];
  const left: LaneId[] = [];
  for (const lane of lanes.keys()) {
    const index = laneIndex(lane, epochIndex);
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
