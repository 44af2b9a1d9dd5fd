/**
 * CRC-32C (Castagnoli), for the journal, the mark, STORE and the A/B slots. From about 200 bytes on the
 * native routine is several times faster than any table; below that the call costs more than the work.
 */
import { crc32c as native } from "@node-rs/crc32";

const TABLE_BYTES_MAX = 160;
const table = new Uint32Array(256).map((_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});
/** Tables for four bytes in one step: a byte that so many others follow ("slicing-by-4", Intel 2006). */
const followed1 = table.map(behindAnother);
const followed2 = followed1.map(behindAnother);
const followed3 = followed2.map(behindAnother);

/** CRC-32C of `bytes`, going on from `start` (the CRC of what comes before). */
export function crc32c(bytes: Uint8Array, start = 0): number {
  if (bytes.length > TABLE_BYTES_MAX) return native(bytes, start);
  return crc32cOfRange(bytes, 0, bytes.length, start);
}

/** The same of the bytes [from, to). For few bytes: it makes no view of them. */
export function crc32cOfRange(bytes: Uint8Array, from: number, to: number, start = 0): number {
  let crc = ~start;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const low = byteAt(bytes, at) | (byteAt(bytes, at + 1) << 8);
    const four = crc ^ (low | (byteAt(bytes, at + 2) << 16) | (byteAt(bytes, at + 3) << 24));
    crc =
      byteOf(followed3, four) ^
      byteOf(followed2, four >>> 8) ^
      byteOf(followed1, four >>> 16) ^
      byteOf(table, four >>> 24);
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ byteOf(table, crc ^ byteAt(bytes, at));
  return ~crc >>> 0;
}

function behindAnother(value: number): number {
  return (value >>> 8) ^ byteOf(table, value);
}

/** The entry for the lowest byte of `value`. */
function byteOf(entries: Uint32Array, value: number): number {
  return entries[value & 0xff] as number;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}
