/** The ranges of lanes and road, as `import` and `export` report them. */
import type { Range } from "../../node/start.js";
import type { LaneId } from "../../types/lane.js";
import { rangeText, shortLane } from "../terminal/lanes.js";
import type { Row } from "../terminal/table.js";

/** How many lanes there are, and a row for each. */
export function laneRows(lanes: ReadonlyMap<LaneId, Range>): readonly Row[] {
  const each = [...lanes].map(
    ([lane, range]): Row => ["", `${shortLane(lane)} ${rangeText(range)}`],
  );
  return [["lanes", `${lanes.size}`], ...each];
}

export function lanesJson(lanes: ReadonlyMap<LaneId, Range>): readonly object[] {
  return [...lanes].map(([lane, { first, next }]) => ({ lane, first, next }));
}
