/** Checks of what a request says, at the door. */
import { laneOf } from "../../../rpc/failures.js";
import { PersisterError } from "../../../types/errors.js";
import type { LaneId } from "../../../types/lane.js";
import { decodeLaneQC, decodePruneAnchor } from "../../../wire/codec/decode.js";
import type { LaneQC, PruneAnchor } from "../../../wire/messages.js";

/** @throws {PersisterError} USAGE for what is no lane. */
export function laneArgument(bytes: Uint8Array): LaneId {
  const lane = laneOf(bytes);
  if (lane !== undefined) return lane;
  const found = `not ${bytes.length} bytes`;
  throw new PersisterError("USAGE", `a lane is 40 bytes: a key, and the epoch it joined; ${found}`);
}

/** A name that goes on record. @throws {PersisterError} USAGE. */
export function nameArgument(field: string, value: string): string {
  if (/^[\x20-\x7e]{1,128}$/.test(value) && value.trim() !== "") return value;
  throw new PersisterError("USAGE", `${field} must be 1 to 128 printable ASCII characters`);
}

/** The bytes of a message that must be there. @throws {PersisterError} USAGE. */
export function bytesArgument(field: string, value: Uint8Array | undefined): Uint8Array {
  if (value !== undefined && value.length > 0) return value;
  throw new PersisterError("USAGE", `${field} is missing`);
}

/** @throws {DecodeError} INVALID. */
export function anchorArgument(bytes: Uint8Array): PruneAnchor {
  return decodePruneAnchor(bytesArgument("anchor", bytes));
}

/** @throws {DecodeError} INVALID. */
export function laneQCArgument(bytes: Uint8Array): LaneQC {
  return decodeLaneQC(bytesArgument("lane_qc", bytes));
}
