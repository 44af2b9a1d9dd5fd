/** The one error of every decoder: why, at which field, at which byte. */

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

/** Where in the bytes: a dotted path such as `SignedBlock.msg.header`, and an offset. */
export interface Place {
  readonly path: string;
  readonly offset: number;
}

/** Bytes that are no message of the type asked for; `offset` counts from the first byte given. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly reason: DecodeReason;
  readonly path: string;
  readonly offset: number;

  constructor(reason: DecodeReason, place: Place, detail: string) {
    super(`${place.path} at byte ${place.offset}: ${detail} (${reason})`);
    this.reason = reason;
    this.path = place.path;
    this.offset = place.offset;
  }
}
