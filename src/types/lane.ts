/**
 * A lane's identity: the validator's 32-byte key and the epoch it joined, 40 bytes, written as 80
 * lower-case hex digits wherever a string is wanted (file names, map keys, messages).
 */
import { PersisterError } from "./errors.js";
import { checkU64 } from "./numbers.js";

declare const laneBrand: unique symbol;
export type LaneId = string & { readonly [laneBrand]: "LaneId" };

/** Bytes of a lane id: the key, then the joined epoch as 8 bytes big-endian. */
export const LANE_ID_BYTES = 40;
const laneIdForm = /^[0-9a-f]{80}$/;

/** Tells whether `value` has the form of a lane id. */
export function isLaneId(value: unknown): value is LaneId {
  return typeof value === "string" && laneIdForm.test(value);
}

/**
 * `value` as a lane id.
 *
 * @throws {PersisterError} USAGE unless it is 80 lower-case hex digits.
 */
export function laneId(value: string): LaneId {
  if (!isLaneId(value)) throw noLane(value);
  return value;
}

function noLane(value: unknown): PersisterError {
  const found = typeof value === "string" ? `${value.length} characters` : `a ${typeof value}`;
  return new PersisterError("USAGE", `a lane id must be 80 lower-case hex digits, not ${found}`);
}

/** The bytes of the lane id that is being made: every header that is read makes one. */
const scratch = Buffer.alloc(LANE_ID_BYTES);

/**
 * The lane of the validator with `key` (32 bytes) that joined in epoch `joined`.
 *
 * @throws {PersisterError} USAGE for a key of another length, or a number beyond 64 bits.
 */
export function laneIdOf(key: Uint8Array, joined: bigint): LaneId {
  if (!(key instanceof Uint8Array) || key.length !== 32) {
    throw new PersisterError("USAGE", "the key of a lane must be 32 bytes (a Uint8Array)");
  }
  checkU64(joined, "the epoch in which a validator joined");
  scratch.set(key);
  scratch.writeBigUInt64BE(joined, 32);
  return scratch.toString("hex") as LaneId;
}

export interface LaneParts {
  /** Shared: not to be changed. */
  readonly key: Uint8Array;
  readonly joined: bigint;
}

/** The parts of lanes that were asked for lately: a store has few, and every hash needs them again. */
const known = new Map<LaneId, LaneParts>();
const KNOWN_MAX = 1024;

/**
 * The key and the joined epoch in a lane id.
 *
 * @throws {PersisterError} USAGE for what is no lane id.
 */
export function laneParts(lane: LaneId): LaneParts {
  const found = known.get(lane);
  if (found) return found;
  if (!isLaneId(lane)) throw noLane(lane);
  const bytes = Buffer.from(lane, "hex");
  const parts = { key: Uint8Array.from(bytes.subarray(0, 32)), joined: bytes.readBigUInt64BE(32) };
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(lane, parts);
  return parts;
}
