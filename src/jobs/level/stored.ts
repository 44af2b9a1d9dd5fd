/**
 * The form of a category and of its values in LevelDB.
 *
 * ```
 * sublevel   the category, escaped
 * key        the key's bytes
 * value      u32 LE CRC-32C, then the value
 * ```
 *
 * The CRC covers u32 LE length of the category, the category in UTF-8, u32 LE length of the key, the key
 * and the value. The lengths are part of it so that no byte can move from one of them to the next.
 */
import { crc32c } from "../../codec/crc32c.js";
import { utf8Of } from "../keys/parts.js";

const CRC_BYTES = 4;

/** The form of the values of one category. */
export class CategoryForm {
  readonly #begin: number;

  constructor(category: string) {
    const name = utf8Of(category);
    this.#begin = crc32c(name, crcOfLength(name.length, 0));
  }

  /** The bytes that are stored for a value. */
  stored(key: Uint8Array, value: Uint8Array): Uint8Array {
    const bytes = Buffer.allocUnsafe(CRC_BYTES + value.length);
    bytes.writeUInt32LE(this.#crcOf(key, value), 0);
    bytes.set(value, CRC_BYTES);
    return bytes;
  }

  /** The value in stored bytes, a view; `undefined` where it is not the one of this key. */
  valueIn(key: Uint8Array, stored: Uint8Array): Uint8Array | undefined {
    if (stored.length < CRC_BYTES) return undefined;
    const { buffer, byteOffset, length } = stored;
    const value = new Uint8Array(buffer, byteOffset + CRC_BYTES, length - CRC_BYTES);
    return readU32(stored) === this.#crcOf(key, value) ? value : undefined;
  }

  #crcOf(key: Uint8Array, value: Uint8Array): number {
    return crc32c(value, crc32c(key, crcOfLength(key.length, this.#begin)));
  }
}

const lengthBytes = Buffer.alloc(4);

function crcOfLength(length: number, start: number): number {
  lengthBytes.writeUInt32LE(length);
  return crc32c(lengthBytes, start);
}

function readU32(bytes: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
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
