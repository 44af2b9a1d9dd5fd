/** The one error of every decoder: the reason, the field, and the byte. */
import { LanekeeperError } from "../../types/lanekeeper-error.js";

/**
 * `count`, `size`, `total` and `malformed` come from the scan that precedes decoding, and
 * `field_number` from the parser after it; the others are about a message whose framing is sound.
 */
export type DecodeReason =
  | "count"
  | "size"
  | "total"
  | "malformed"
  | "field_number"
  | "missing"
  | "length"
  | "duplicate_lane"
  | "empty";

/** A place in the bytes: a dotted path such as `SignedBlock.msg.header`, and an offset. */
export interface Place {
  readonly path: string;
  readonly offset: number;
}

/**
 * Bytes that are no message of the type asked for; `offset` counts from the first byte given. Its code
 * is INVALID.
 */
export class DecodeError extends LanekeeperError {
  declare readonly reason: DecodeReason;
  declare readonly path: string;
  declare readonly offset: number;

  constructor(reason: DecodeReason, place: Place, detail: string) {
    const { path, offset } = place;
    const message = `${path} at byte ${offset}: ${detail} (${reason})`;
    super("DecodeError", "INVALID", message, { reason, path, offset });
  }
}
