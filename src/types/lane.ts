/**
 * A lane's identity: the validator's 32-byte key and the epoch it joined, 40 bytes, written as 80
 * lower-case hex digits wherever a string is wanted (file names, map keys, messages).
 */
import { assert } from "./assert.js";

declare const laneBrand: unique symbol;
export type LaneId = string & { readonly [laneBrand]: "LaneId" };

/** Bytes of a lane id: the key, then the joined epoch as 8 bytes big-endian. */
export const LANE_ID_BYTES = 40;
const laneIdForm = /^[0-9a-f]{80}$/;

/** Tells whether `value` has the form of a lane id. */
export function isLaneId(value: string): value is LaneId {
  return laneIdForm.test(value);
}

/** Checks the form (80 lower-case hex digits) and brands it. */
export function laneId(value: string): LaneId {
  assert(isLaneId(value), "a lane id is 80 lower-case hex digits");
  return value;
}

/** What a lane id is made of; every header that is read makes one. */
const scratch = Buffer.alloc(LANE_ID_BYTES);

/** The lane of the validator with `key` (32 bytes) that joined in epoch `joined`. */
export function laneIdOf(key: Uint8Array, joined: bigint): LaneId {
  assert(key.length === 32, "a lane's key has 32 bytes");
  scratch.set(key);
  scratch.writeBigUInt64BE(joined, 32);
  return scratch.toString("hex") as LaneId;
}

export interface LaneParts {
  /** Shared: not to be changed. */
  readonly key: Uint8Array;
  readonly joined: bigint;
}

/** Lanes that were taken apart lately: a store has few, and every hash needs them again. */
const known = new Map<LaneId, LaneParts>();
const KNOWN_MAX = 1024;

/** The key and the joined epoch in a lane id. */
export function laneParts(lane: LaneId): LaneParts {
  const found = known.get(lane);
  if (found) return found;
  const bytes = Buffer.from(lane, "hex");
  const parts = { key: Uint8Array.from(bytes.subarray(0, 32)), joined: bytes.readBigUInt64BE(32) };
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(lane, parts);
  return parts;
}
