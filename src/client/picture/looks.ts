/** The looks of those who wait, as in `avail/looks.ts`: an answer, or `undefined` for "not yet". */
import type { Waited } from "../../avail/looks.js";
import { laneDropped } from "../../avail/refusals.js";
import type { LaneId } from "../../types/lane.js";
import type { LanePicture, Picture } from "./picture.js";

/** Looks for one waiter: it remembers the entry of the lane that it was asked about. */
export function blockLook(
  picture: Picture,
  lane: LaneId,
  number: bigint,
): () => Waited | undefined {
  let known: LanePicture | undefined;
  return () => {
    const entry = picture.lanes.get(lane);
    if (known && known !== entry) throw laneDropped(lane, number);
    known = entry;
    if (!entry) return undefined;
    if (number < entry.first) return "pruned";
    if (number < entry.durable) return "durable";
    if (entry.refused) throw entry.refused;
    if (entry.broken && number >= entry.broken.number) throw entry.broken.error;
    if (entry.dropped?.number === number) throw entry.dropped.error;
    if (picture.stalled && number < entry.next) throw picture.stalled;
    return undefined;
  };
}

export function commitQCLook({ road, stalled }: Picture, index: bigint): Waited | undefined {
  if (index < road.first) return "pruned";
  if (index < road.durable) return "durable";
  if (road.broken && index >= road.broken.number) throw road.broken.error;
  if (stalled && index < road.next) throw stalled;
  return undefined;
}

export function anchorLook({ anchorRoadIndex }: Picture, index: bigint): true | undefined {
  return anchorRoadIndex !== undefined && anchorRoadIndex >= index ? true : undefined;
}
