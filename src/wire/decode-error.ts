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

/** A place in a message: a field's name and the message around it. */
export interface Place {
  readonly name: string;
  readonly parent: Place | undefined;
}

/** The dotted path of `place`, such as `SignedBlock.msg.header`. */
export function pathOf(place: Place): string {
  return place.parent === undefined ? place.name : `${pathOf(place.parent)}.${place.name}`;
}

/** Bytes that are no message of the type asked for; `offset` counts from the first byte given. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly reason: DecodeReason;
  readonly path: string;
  readonly offset: number;

  constructor(reason: DecodeReason, place: Place, offset: number, detail: string) {
    const path = pathOf(place);
    super(`${path} at byte ${offset}: ${detail} (${reason})`);
    this.reason = reason;
    this.path = path;
    this.offset = offset;
  }
}
