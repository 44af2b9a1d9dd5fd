/**
 * The form of a category and of a value in LevelDB.
 *
 * ```
 * sublevel   the category, escaped
 * key        the key's bytes
 * value      u32 LE CRC-32C over lengths, category, key and value; then the value
 * ```
 */
import { crc32c } from "../../codec/crc32c.js";
import { utf8Of } from "../keys/parts.js";

const CRC_BYTES = 4;

/** The bytes that are stored for a value. */
export function storedValue(category: string, key: Uint8Array, value: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(CRC_BYTES + value.length);
  bytes.writeUInt32LE(crcOf(category, key, value), 0);
  bytes.set(value, CRC_BYTES);
  return bytes;
}

/** The value in stored bytes, a copy; `undefined` where it is not the one of this key. */
export function valueIn(
  category: string,
  key: Uint8Array,
  stored: Uint8Array,
): Uint8Array | undefined {
  if (stored.length < CRC_BYTES) return undefined;
  const value = Uint8Array.from(stored.subarray(CRC_BYTES));
  const view = Buffer.from(stored.buffer, stored.byteOffset, CRC_BYTES);
  return view.readUInt32LE(0) === crcOf(category, key, value) ? value : undefined;
}

/** Lengths are part of it, so that no byte can move from one of the three to the next. */
function crcOf(category: string, key: Uint8Array, value: Uint8Array): number {
  const name = utf8Of(category);
  const lengths = Buffer.allocUnsafe(6);
  lengths.writeUInt16LE(name.length, 0);
  lengths.writeUInt32LE(key.length, 2);
  return crc32c(value, crc32c(key, crc32c(name, crc32c(lengths))));
}

/** A sublevel's name takes printable ASCII without `!`, `"` and `#`: all else is `%` and two digits. */
export function escapeCategory(category: string): string {
  let name = "";
  for (const code of utf8Of(category)) {
    const isPlain = /[A-Za-z0-9._-]/.test(String.fromCharCode(code));
    name += isPlain ? String.fromCharCode(code) : `%${code.toString(16).padStart(2, "0")}`;
  }
  return name;
}

export function unescapeCategory(name: string): string {
  const bytes = name.replace(/%([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}
