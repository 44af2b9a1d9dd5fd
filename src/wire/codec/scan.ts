/**
 * The scan: one pass over a message and the messages inside it, by its schema, before a value is made of
 * them. It enforces framing and limits, and keeps nothing: its memory does not grow with the bytes, and
 * its time grows linearly.
 *
 * A known field counts towards its limit whatever its wire type; with a wrong wire type it is unknown in
 * all else. Unknown fields pass if their framing is sound. So the reasons come in the order of sei-chain:
 * framing and limits of the whole tree first, then field numbers, then (in `fields.ts`) missing fields.
 */
import { bytes as isEncoded } from "../../types/shape.js";
import { type Cursor, FIELD_NUMBER_MAX, fieldOf, Malformed } from "./cursor.js";
import { readLength, readTag, skipValue, WIRE_BYTES, WIRE_VARINT } from "./cursor.js";
import { DecodeError, type DecodeReason, type Place } from "./decode-error.js";
import type { FieldRule, Schema } from "./schema.js";

/** The place of the scan, which an error names. */
interface Scan {
  readonly cursor: Cursor;
  /** The names of the messages and of the field around the cursor. */
  readonly path: string[];
  /** The byte at which the field around the cursor begins. */
  start: number;
  /** The first field with a number that no message may have: an error once the scan is through. */
  badNumber: Place | undefined;
  /** The first field that the schema does not know. */
  unknown: Place | undefined;
}

/**
 * Scans all of `bytes` as a message of `schema`. Returns the first field that the schema does not know,
 * by number or by wire type, if there is one.
 *
 * @throws {DecodeError} `count`, `size`, `total`, `malformed` or `field_number`.
 * @throws {PersisterError} USAGE if `bytes` are no byte string.
 */
export function scan(bytes: Uint8Array, schema: Schema): Place | undefined {
  isEncoded(bytes, "an encoded message");
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const cursor: Cursor = { bytes: plain, at: 0, end: plain.length };
  const path = [schema.name];
  const state: Scan = { cursor, path, start: 0, badNumber: undefined, unknown: undefined };
  try {
    scanMessage(state, schema);
  } catch (cause) {
    if (!(cause instanceof Malformed)) throw cause;
    throw new DecodeError("malformed", placeOf(state), cause.message);
  }
  if (state.badNumber === undefined) return state.unknown;
  throw new DecodeError("field_number", state.badNumber, "a field number is too large");
}

function placeOf(state: Scan): Place {
  return { path: state.path.join("."), offset: state.start };
}

function noteUnknown(state: Scan, ...name: readonly string[]): void {
  if (state.unknown !== undefined) return;
  state.unknown = { path: [...state.path, ...name].join("."), offset: state.start };
}

function scanMessage(state: Scan, schema: Schema): void {
  const { cursor, path } = state;
  const { fields } = schema;
  /** The fields that may occur once and did, a bit each; how often the other one did. */
  let seen = 0;
  let repeats = 0;
  let totalBytes = 0;
  while (cursor.at < cursor.end) {
    state.start = cursor.at;
    const tag = readTag(cursor);
    const number = fieldOf(tag);
    const rule = number < fields.length ? fields[number] : undefined;
    if (rule === undefined) {
      if (number > FIELD_NUMBER_MAX) state.badNumber ??= placeOf(state);
      noteUnknown(state, String(number));
      skipValue(cursor, tag);
      continue;
    }
    path.push(rule.name);
    const before = rule.countMax > 1 ? repeats++ : (seen >> number) & 1;
    seen |= 1 << number;
    if (before >= rule.countMax) refuse(state, "count", `occurs more than ${rule.countMax} times`);
    if (rule.kind === "varint" || tag % 8 !== WIRE_BYTES) {
      if (rule.kind !== "varint" || tag % 8 !== WIRE_VARINT) noteUnknown(state);
      skipValue(cursor, tag);
    } else {
      const length = scanBytes(state, rule);
      if (rule.totalBytesMax !== undefined) {
        totalBytes += length;
        if (totalBytes > rule.totalBytesMax) {
          refuse(state, "total", `more than ${rule.totalBytesMax} bytes together`);
        }
      }
    }
    path.pop();
  }
}

/** Scans a byte string or a message inside, and returns its length. */
function scanBytes(state: Scan, rule: FieldRule): number {
  const { cursor } = state;
  const next = readLength(cursor);
  const length = next - cursor.at;
  if (rule.message === undefined) {
    if (rule.bytesMax !== undefined && length > rule.bytesMax) {
      refuse(state, "size", `longer than ${rule.bytesMax} bytes`);
    }
    cursor.at = next;
    return length;
  }
  const outer = cursor.end;
  cursor.end = next;
  scanMessage(state, rule.message);
  cursor.end = outer;
  return length;
}

function refuse(state: Scan, reason: DecodeReason, detail: string): never {
  throw new DecodeError(reason, placeOf(state), detail);
}
