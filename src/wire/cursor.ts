/**
 * Reading protobuf's framing: varints, tags, lengths, and skipping a value of any wire type. A
 * cursor never reads past `end`; whatever it cannot read is a `Malformed`, which `scan.ts` turns
 * into a `DecodeError` with the place.
 */
export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_GROUP = 3;
export const WIRE_GROUP_END = 4;
export const WIRE_FIXED32 = 5;

/** Field numbers above this fit no tag of the framing; above `FIELD_NUMBER_MAX` no message. */
const TAG_NUMBER_MAX = 0x7fff_ffffn;
export const FIELD_NUMBER_MAX = 0x1fff_ffff;
const VARINT_BYTES_MAX = 10;
/** Groups in groups, as the original bounds them. */
const GROUP_DEPTH_MAX = 10_001;

export class Malformed extends Error {
  override readonly name = "Malformed";
}

export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  end: number;
}

/** Reads a varint of at most 64 bits, padded or not. */
export function readVarint(cursor: Cursor): bigint {
  const { bytes, at } = cursor;
  let low = 0;
  for (let index = 0; index < 7; index++) {
    if (at + index >= cursor.end) throw new Malformed("a number is cut off");
    const byte = bytes[at + index] as number;
    low += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) {
      cursor.at = at + index + 1;
      return BigInt(low);
    }
  }
  return readLongVarint(cursor, BigInt(low));
}

function readLongVarint(cursor: Cursor, low: bigint): bigint {
  let value = low;
  for (let index = 7; index < VARINT_BYTES_MAX; index++) {
    if (cursor.at + index >= cursor.end) throw new Malformed("a number is cut off");
    const byte = cursor.bytes[cursor.at + index] as number;
    if (index === VARINT_BYTES_MAX - 1 && byte > 1) break;
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) {
      cursor.at += index + 1;
      return value;
    }
  }
  throw new Malformed("a number exceeds 64 bits");
}

/** Reads a tag as `number * 8 + wire type`, a safe integer. */
export function readTag(cursor: Cursor): number {
  if (cursor.at < cursor.end) {
    const byte = cursor.bytes[cursor.at] as number;
    if (byte >= 8 && byte < 0x80) {
      cursor.at++;
      return byte;
    }
  }
  const tag = readVarint(cursor);
  const number = tag >> 3n;
  if (number === 0n || number > TAG_NUMBER_MAX) throw new Malformed("a field number is invalid");
  return Number(tag);
}

/** Reads a length that the rest of the message holds, and returns where its bytes end. */
export function readLength(cursor: Cursor): number {
  const length = readVarint(cursor);
  if (length > BigInt(cursor.end - cursor.at)) throw new Malformed("a value is cut off");
  return cursor.at + Number(length);
}

/** Skips the value of a field with `tag`, whatever it is. */
export function skipValue(cursor: Cursor, tag: number): void {
  if (tag % 8 !== WIRE_GROUP) skipPlain(cursor, tag % 8);
  else skipGroup(cursor, Math.floor(tag / 8));
}

function skipGroup(cursor: Cursor, number: number): void {
  const open = [number];
  while (open.length > 0) {
    const tag = readTag(cursor);
    const wireType = tag % 8;
    if (wireType === WIRE_GROUP) {
      if (open.push(Math.floor(tag / 8)) > GROUP_DEPTH_MAX) throw new Malformed("groups too deep");
    } else if (wireType === WIRE_GROUP_END) {
      if (open.pop() !== Math.floor(tag / 8)) throw new Malformed("a group ends with another tag");
    } else {
      skipPlain(cursor, wireType);
    }
  }
}

function skipPlain(cursor: Cursor, wireType: number): void {
  switch (wireType) {
    case WIRE_VARINT:
      readVarint(cursor);
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
