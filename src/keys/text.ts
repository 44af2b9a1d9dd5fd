/**
 * The forms in which a key is written down: 32 raw bytes, 64 hex digits, or base64 with its padding or
 * without. They are read from bytes into bytes: a string cannot be zeroed.
 */
import { KEY_BYTES } from "./key.js";

const HEX_DIGITS = 2 * KEY_BYTES;
const BASE64_DIGITS = 43;
const PADDING = "=".charCodeAt(0);
/** Editors and `echo` leave these at the end: line feed, carriage return, space, tab. */
const BLANKS = new Set([10, 13, 32, 9]);

const HEX = valuesOf("0123456789abcdef", "0123456789ABCDEF");
const BASE64 = valuesOf(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
);

/** The bytes of the key that is written in `text`, the caller's to zero; `undefined` where none is. */
export function keyBytesIn(text: Uint8Array): Buffer | undefined {
  if (text.length === KEY_BYTES) return copied(text);
  let end = text.length;
  while (end > 0 && BLANKS.has(text[end - 1] ?? 0)) end -= 1;
  if (end === HEX_DIGITS) return bytesOf(text.subarray(0, end), HEX, 4);
  if (end === BASE64_DIGITS + 1 && text[end - 1] === PADDING) end -= 1;
  return end === BASE64_DIGITS ? bytesOf(text.subarray(0, end), BASE64, 6) : undefined;
}

function copied(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** The bytes that digits of so many bits stand for; bits beyond the last byte must be 0. */
function bytesOf(
  digits: Uint8Array,
  values: ReadonlyMap<number, number>,
  bitsPerDigit: number,
): Buffer | undefined {
  const bytes = Buffer.allocUnsafeSlow(KEY_BYTES);
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    const value = values.get(digit);
    if (value === undefined) return undefined;
    held = (held << bitsPerDigit) | value;
    bits += bitsPerDigit;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at] = held >>> bits;
    at += 1;
    held &= (1 << bits) - 1;
  }
  return held === 0 && at === KEY_BYTES ? bytes : undefined;
}

function valuesOf(...alphabets: readonly string[]): ReadonlyMap<number, number> {
  const values = new Map<number, number>();
  for (const alphabet of alphabets) {
    for (let at = 0; at < alphabet.length; at++) values.set(alphabet.charCodeAt(at), at);
  }
  return values;
}
