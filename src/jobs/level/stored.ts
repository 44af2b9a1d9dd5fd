/**
 * The form of a category and of its values in LevelDB. Integers are little-endian.
 *
 * ```
 * sublevel       the category, escaped
 * key            the key's bytes: they stay readable
 * plain value    u32 CRC, then the value
 * sealed value   u32 CRC, u32 number of the seal, then the sealed form of `seal/value-seal.ts`
 * ```
 *
 * The CRC-32C covers u32 length of the category, the category in UTF-8, u32 length of the key, the key and all
 * behind the CRC. The lengths are part of it so that no byte can move from one of them to the next. For
 * a sealed value the highest bit of the key's length is set. So the CRC says which of the two a value is,
 * and damage is found without a key: two texts of one length that differ in one bit have CRCs that differ in at
 * least three (CRC-32C has a Hamming distance of 4 up to 2^31 bits), and no two flipped bits make the one form of
 * the other.
 */
import { crc32c } from "../../codec/crc32c.js";
import { utf8Of } from "../keys/parts.js";
import type { JobSeals } from "../seal/job-seals.js";
import { aadFront, SEALED_BYTES } from "../seal/value-seal.js";

const CRC_BYTES = 4;
/** The CRC and the number of the seal. */
const SEALED_FRONT_BYTES = CRC_BYTES + 4;
/** No key is so long. */
const SEALED_BIT = 0x8000_0000;

/** The form of the values of one category. */
export class CategoryForm {
  readonly #begin: number;
  readonly #seals: JobSeals | undefined;
  readonly #aadFront: Uint8Array;

  /** Without seals all values are plain. */
  constructor(category: string, of?: { readonly job: string; readonly seals: JobSeals }) {
    const name = utf8Of(category);
    this.#begin = crc32c(name, crcOfLength(name.length, 0));
    this.#seals = of?.seals;
    this.#aadFront = of ? aadFront(of.job, category) : new Uint8Array(0);
  }

  /** The bytes that are stored for a value. */
  stored(key: Uint8Array, value: Uint8Array): Uint8Array {
    const sealed = this.#seals?.sealed(this.#aadOf(key), value, SEALED_FRONT_BYTES);
    const bytes = sealed?.bytes ?? Buffer.allocUnsafe(CRC_BYTES + value.length);
    if (sealed) bytes.writeUInt32LE(sealed.number, CRC_BYTES);
    else bytes.set(value, CRC_BYTES);
    const bit = sealed ? SEALED_BIT : 0;
    bytes.writeUInt32LE(this.#crcOf(key, bytes.subarray(CRC_BYTES), bit), 0);
    return bytes;
  }

  /** The value in stored bytes, a view where it is plain; `undefined` where it is not the one of this key. */
  valueIn(key: Uint8Array, stored: Uint8Array): Uint8Array | undefined {
    const number = this.#sealIn(key, stored);
    if (number !== undefined) {
      const sealed = stored.subarray(SEALED_FRONT_BYTES);
      return this.#seals?.open(number, this.#aadOf(key), sealed);
    }
    return this.#isPlain(key, stored) ? bodyOf(stored) : undefined;
  }

  /** Whether a stored value is to be written again, under the key that writes. A damaged one is. */
  isForeign(key: Uint8Array, stored: Uint8Array): boolean {
    return this.#seals?.isForeign(this.#sealIn(key, stored)) ?? false;
  }

  /** The number of the seal of a stored value; `undefined` where it is not sealed, or damaged. */
  #sealIn(key: Uint8Array, stored: Uint8Array): number | undefined {
    if (!this.#seals?.hasSeals || stored.length < SEALED_FRONT_BYTES + SEALED_BYTES)
      return undefined;
    const isSealed = readU32(stored, 0) === this.#crcOf(key, bodyOf(stored), SEALED_BIT);
    return isSealed ? readU32(stored, CRC_BYTES) : undefined;
  }

  #isPlain(key: Uint8Array, stored: Uint8Array): boolean {
    if (stored.length < CRC_BYTES || this.#seals?.mayBePlain === false) return false;
    return readU32(stored, 0) === this.#crcOf(key, bodyOf(stored), 0);
  }

  #crcOf(key: Uint8Array, body: Uint8Array, bit: number): number {
    return crc32c(body, crc32c(key, crcOfLength(key.length + bit, this.#begin)));
  }

  #aadOf(key: Uint8Array): Uint8Array {
    return this.#seals ? Buffer.concat([this.#aadFront, key]) : key;
  }
}

/** All behind the CRC, a view. */
function bodyOf({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset + CRC_BYTES, length - CRC_BYTES);
}

const lengthBytes = Buffer.alloc(4);

function crcOfLength(length: number, start: number): number {
  lengthBytes.writeUInt32LE(length);
  return crc32c(lengthBytes, start);
}

function readU32(bytes: Uint8Array, from: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(from, from + 4);
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
