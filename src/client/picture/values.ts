/** Values of the library in the messages of the API, and back. */
import { laneOf } from "../../rpc/failures.js";
import type { LaneId } from "../../types/lane.js";
import { Malformed } from "../../wire/codec/cursor.js";

/**
 * The lane in a message of the service.
 *
 * @throws {Malformed} where it is none.
 */
export function heldLane(bytes: Uint8Array): LaneId {
  const lane = laneOf(bytes);
  if (lane === undefined) throw new Malformed("a lane has not 40 bytes");
  return lane;
}
