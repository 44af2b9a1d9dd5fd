/**
 * Reading protobuf's framing: varints, tags, lengths, and skipping a value of any wire type. A
 * cursor never reads past `end`. It throws `Malformed` for bytes that it cannot read, which `scan.ts`
 * turns into a `DecodeError` with the place.
 */
export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_GROUP = 3;
export const WIRE_GROUP_END = 4;
export const WIRE_FIXED32 = 5;

/** Field numbers above this fit no tag of the framing; above `FIELD_NUMBER_MAX` no message. */
const TAG_NUMBER_MAX = 0x7fff_ffff;
export const FIELD_NUMBER_MAX = 0x1fff_ffff;
const VARINT_BYTES_MAX = 10;
/** Bytes of a varint that a `number` holds exactly: 49 bits. */
const EXACT_BYTES_MAX = 7;
/** The depth of groups in groups, as sei-chain bounds it. */
const GROUP_DEPTH_MAX = 10_001;

export class Malformed extends Error {
  override readonly name = "Malformed";
}

export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  end: number;
}

/** Reads a varint of at most 64 bits, padded or not, as a number: rounded above 2^53. */
function readRounded(cursor: Cursor): number {
  const { bytes, end } = cursor;
  let at = cursor.at;
  let value = 0;
  for (let scale = 1; at < end; scale *= 128) {
    const byte = bytes[at] as number;
    at++;
    if (byte < 0x80) {
      if (at - cursor.at === VARINT_BYTES_MAX && byte > 1) break;
      cursor.at = at;
      return value + byte * scale;
    }
    if (at - cursor.at === VARINT_BYTES_MAX) break;
    value += (byte & 0x7f) * scale;
  }
  const isLong = at - cursor.at === VARINT_BYTES_MAX;
  throw new Malformed(isLong ? "a number exceeds 64 bits" : "a number is cut off");
}

/** Reads a varint of at most 64 bits, padded or not. */
export function readVarint(cursor: Cursor): bigint {
  const start = cursor.at;
  const rounded = readRounded(cursor);
  if (cursor.at - start <= EXACT_BYTES_MAX) return BigInt(rounded);
  let value = 0n;
  for (let at = cursor.at - 1; at >= start; at--) {
    value = (value << 7n) | BigInt((cursor.bytes[at] as number) & 0x7f);
  }
  return value;
}

/** Reads a tag as `number * 8 + wire type`, a safe integer. */
export function readTag(cursor: Cursor): number {
  const tag = readRounded(cursor);
  if (tag < 8 || tag >= 8 * (TAG_NUMBER_MAX + 1)) throw new Malformed("a field number is invalid");
  return tag;
}

/** The field number in a tag. */
export function fieldOf(tag: number): number {
  return tag < 0x80 ? tag >> 3 : Math.floor(tag / 8);
}

/** Reads a length that the rest of the message holds, and returns where its bytes end. */
export function readLength(cursor: Cursor): number {
  const length = readRounded(cursor);
  if (length > cursor.end - cursor.at) throw new Malformed("a value is cut off");
  return cursor.at + length;
}

/** Skips the value of a field with `tag`, whatever it is. */
export function skipValue(cursor: Cursor, tag: number): void {
  if (tag % 8 === WIRE_GROUP) skipGroup(cursor, fieldOf(tag));
  else skipPlain(cursor, tag % 8);
}

function skipGroup(cursor: Cursor, number: number): void {
  const open = [number];
  while (open.length > 0) {
    const tag = readTag(cursor);
    const wireType = tag % 8;
    if (wireType === WIRE_GROUP) {
      if (open.push(fieldOf(tag)) > GROUP_DEPTH_MAX) throw new Malformed("groups too deep");
    } else if (wireType === WIRE_GROUP_END) {
      if (open.pop() !== fieldOf(tag)) throw new Malformed("a group ends with another tag");
    } else {
      skipPlain(cursor, wireType);
    }
  }
}

function skipPlain(cursor: Cursor, wireType: number): void {
  switch (wireType) {
    case WIRE_VARINT:
      readRounded(cursor);
      return;
    case WIRE_BYTES:
      cursor.at = readLength(cursor);
      return;
    case WIRE_FIXED64:
    case WIRE_FIXED32: {
      const length = wireType === WIRE_FIXED64 ? 8 : 4;
      if (cursor.end - cursor.at < length) throw new Malformed("a value is cut off");
      cursor.at += length;
      return;
    }
    case WIRE_GROUP_END:
      throw new Malformed("a group ends that was not begun");
    default:
      throw new Malformed(`wire type ${wireType} is reserved`);
  }
}
