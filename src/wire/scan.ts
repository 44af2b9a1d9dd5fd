/**
 * The scan: one pass over a message and the messages inside it, by its schema, before anything is
 * made of them. It enforces framing and limits and keeps the values of known fields.
 *
 * A known field counts whatever its wire type; with a wrong one it is otherwise unknown. Unknown
 * fields pass, if their framing is sound. So the reasons come in the original's order: framing and
 * limits of the whole tree first, then field numbers, then what a message lacks.
 */
import { type Cursor, FIELD_NUMBER_MAX, Malformed, readLength, readTag } from "./cursor.js";
import { readVarint, skipValue, WIRE_BYTES, WIRE_VARINT } from "./cursor.js";
import { DecodeError, type Place } from "./decode-error.js";
import type { FieldRule, Schema } from "./schema.js";

export type RawValue = bigint | Uint8Array | RawMessage;

/** A scanned message: the values of its known fields by number, in the order of the wire. */
export class RawMessage {
  readonly place: Place;
  readonly offset: number;
  readonly values: RawValue[][] = [];
  /** The number of the last known field; of two oneof arms this one holds. */
  last = 0;

  constructor(place: Place, offset: number) {
    this.place = place;
    this.offset = offset;
  }
}

interface Scan {
  readonly cursor: Cursor;
  /** The first field number that no message may have: an error once the scan is through. */
  badNumber: DecodeError | undefined;
}

/**
 * Scans all of `bytes` as a message of `schema`. The byte strings inside are views of `bytes`.
 *
 * @throws {DecodeError} `count`, `size`, `total`, `malformed` or `field_number`.
 */
export function scan(bytes: Uint8Array, schema: Schema): RawMessage {
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const state: Scan = { cursor: { bytes: plain, at: 0, end: plain.length }, badNumber: undefined };
  const message = scanMessage(state, schema, { name: schema.name, parent: undefined });
  if (state.badNumber !== undefined) throw state.badNumber;
  return message;
}

function scanMessage(state: Scan, schema: Schema, place: Place): RawMessage {
  const { cursor } = state;
  const message = new RawMessage(place, cursor.at);
  const counts: number[] = [];
  const totals: number[] = [];
  while (cursor.at < cursor.end) {
    const start = cursor.at;
    const tag = framed(place, start, () => readTag(cursor));
    const number = Math.floor(tag / 8);
    const rule = schema.fields[number];
    if (rule === undefined) {
      if (number > FIELD_NUMBER_MAX) {
        const detail = `field number ${number} is too large`;
        state.badNumber ??= new DecodeError("field_number", place, start, detail);
      }
      framed(place, start, () => skipValue(cursor, tag));
      continue;
    }
    const count = (counts[number] ?? 0) + 1;
    counts[number] = count;
    const field: Place = { name: rule.name, parent: place };
    if (count > rule.countMax) {
      throw new DecodeError("count", field, start, `occurs more than ${rule.countMax} times`);
    }
    const value = scanValue(state, rule, tag % 8, field);
    if (value === undefined) {
      framed(field, start, () => skipValue(cursor, tag));
      continue;
    }
    if (rule.totalBytesMax !== undefined && value instanceof Uint8Array) {
      const total = (totals[number] ?? 0) + value.length;
      totals[number] = total;
      if (total > rule.totalBytesMax) {
        const detail = `more than ${rule.totalBytesMax} bytes together`;
        throw new DecodeError("total", field, start, detail);
      }
    }
    if (count === 1 || message.values[number] === undefined) message.values[number] = [value];
    else message.values[number].push(value);
    message.last = number;
  }
  return message;
}

/** The value of a field with the right wire type; undefined, and nothing read, otherwise. */
function scanValue(
  state: Scan,
  rule: FieldRule,
  wireType: number,
  field: Place,
): RawValue | undefined {
  const { cursor } = state;
  const start = cursor.at;
  if (rule.kind === "varint") {
    if (wireType !== WIRE_VARINT) return undefined;
    return framed(field, start, () => readVarint(cursor));
  }
  if (wireType !== WIRE_BYTES) return undefined;
  const next = framed(field, start, () => readLength(cursor));
  if (rule.message !== undefined) {
    const outer = cursor.end;
    cursor.end = next;
    const message = scanMessage(state, rule.message, field);
    cursor.end = outer;
    return message;
  }
  const value = cursor.bytes.subarray(cursor.at, next);
  if (rule.bytesMax !== undefined && value.length > rule.bytesMax) {
    throw new DecodeError("size", field, start, `longer than ${rule.bytesMax} bytes`);
  }
  cursor.at = next;
  return value;
}

/** Runs `read` and gives what is malformed its place. */
function framed<T>(place: Place, offset: number, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof Malformed) {
      throw new DecodeError("malformed", place, offset, cause.message);
    }
    throw cause;
  }
}
