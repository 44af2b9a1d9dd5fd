/**
 * The parts that keys and payloads are made of, and their bytes. Keys sort as their parts do, first
 * part first; so any program, in any language, that builds a key by this table finds the same rows.
 *
 * ```
 * part                          bytes
 * string                        u16 big-endian byte length, then UTF-8
 * bytes (Uint8Array)            u16 big-endian length, then the bytes
 * int(n), enumeration(n)        64 bits, two's complement, sign bit flipped, big-endian
 * uint16(n) uint32(n) uint64(n) 8 bytes big-endian, whatever the width
 * byte(n)                       1 byte
 * boolean                       1 byte: 00 or 01
 * list of parts                 its parts one after the other, without a frame
 * Key                           its bytes as they are
 * ```
 *
 * Parts carry no tags: `key(true, byte(1))` and `key(byte(1), true)` are the same bytes. One category
 * uses one shape of key.
 */
import { bytesArgument, readingArguments, wrongArgument } from "../../types/arguments.js";
import { PersisterError, usageError } from "../../types/errors.js";
import { U64_MAX } from "../../types/numbers.js";

/** Most bytes of a string or of a byte array in a key or a payload. */
export const PART_BYTES_MAX = 0xffff;

const I64_MIN = -(1n << 63n);
const I64_MAX = (1n << 63n) - 1n;
const SIGN_BIT = 1n << 63n;

/** Distinguishes a number with a width from any other object. */
const width = Symbol("width");

/** A number with a width: a JavaScript number has none. Made by `int`, `uint64`, `byte` and others. */
export interface SizedNumber {
  readonly [width]: 1 | 8;
  /** The unsigned value whose big-endian bytes are stored. */
  readonly stored: bigint;
}

/** Bytes that are a key already: made by `key` and `rawKey`, and taken into other keys as they are. */
export class Key {
  readonly bytes: Uint8Array;

  /** Keeps `bytes`. @internal */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The bytes in lower-case hex. */
  toString(): string {
    return Buffer.from(this.bytes).toString("hex");
  }
}

/** One part of a key or a payload. */
export type Part = string | boolean | Uint8Array | SizedNumber | Key | readonly Part[];

/**
 * A signed integer of up to 64 bits. Its width leaves no trace: `int(5)` is the same for 8 bits and 64.
 *
 * @throws {PersisterError} USAGE for what is no integer of 64 bits.
 */
export function int(value: number | bigint): SizedNumber {
  return sized(8, inRange(value, I64_MIN, I64_MAX, "int") + SIGN_BIT);
}

/** The ordinal of a member of an enumeration, stored as `int`. Throws as `int`. */
export function enumeration(ordinal: number | bigint): SizedNumber {
  return int(ordinal);
}

/** An unsigned integer below 2^16, stored in 8 bytes. @throws {PersisterError} USAGE */
export function uint16(value: number | bigint): SizedNumber {
  return sized(8, inRange(value, 0n, 0xffffn, "uint16"));
}

/** An unsigned integer below 2^32, stored in 8 bytes. @throws {PersisterError} USAGE */
export function uint32(value: number | bigint): SizedNumber {
  return sized(8, inRange(value, 0n, 0xffff_ffffn, "uint32"));
}

/** An unsigned integer below 2^64, stored in 8 bytes. @throws {PersisterError} USAGE */
export function uint64(value: number | bigint): SizedNumber {
  return sized(8, inRange(value, 0n, U64_MAX, "uint64"));
}

/** An unsigned integer below 2^8, stored in 1 byte. @throws {PersisterError} USAGE */
export function byte(value: number | bigint): SizedNumber {
  return sized(1, inRange(value, 0n, 0xffn, "byte"));
}

function sized(bytes: 1 | 8, stored: bigint): SizedNumber {
  return Object.freeze({ [width]: bytes, stored });
}

function inRange(value: unknown, min: bigint, max: bigint, what: string): bigint {
  const isWhole =
    typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
  if (!isWhole) throw usageError(`${what}: it takes an integer, as a number or a bigint`);
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw usageError(`${what}: a number above 2^53 is not exact: pass a bigint`);
  }
  const exact = BigInt(value);
  if (exact < min || exact > max) throw usageError(`${what}: ${exact} is not in [${min}, ${max}]`);
  return exact;
}

/**
 * The bytes of `parts`, one after the other.
 *
 * @throws {PersisterError} USAGE for a part of another type, or one that is too long.
 */
export function encodeParts(parts: readonly Part[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (const part of parts) addPart(part, chunks);
  return Uint8Array.from(Buffer.concat(chunks));
}

function addPart(part: Part, chunks: Uint8Array[]): void {
  if (typeof part === "string") addFramed(utf8Of(part), chunks);
  else if (typeof part === "boolean") chunks.push(Uint8Array.of(part ? 1 : 0));
  else if (part instanceof Uint8Array) addFramed(part, chunks);
  else if (part instanceof Key) chunks.push(part.bytes);
  else if (isList(part)) for (const each of part) addPart(each, chunks);
  else if (isSized(part)) chunks.push(bytesOf(part));
  else throw notAPart(part);
}

function isList(part: unknown): part is readonly Part[] {
  return Array.isArray(part);
}

function isSized(part: unknown): part is SizedNumber {
  return typeof part === "object" && part !== null && width in part;
}

function bytesOf(part: SizedNumber): Uint8Array {
  if (part[width] === 1) return Uint8Array.of(Number(part.stored));
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(part.stored);
  return bytes;
}

function addFramed(bytes: Uint8Array, chunks: Uint8Array[]): void {
  if (bytes.length > PART_BYTES_MAX) {
    throw usageError(
      `a part of ${bytes.length} bytes: a string or byte array has ${PART_BYTES_MAX} at most`,
    );
  }
  chunks.push(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes);
}

/** UTF-8 of a string; a lone surrogate has none, and replacing it would make two strings one. */
export function utf8Of(text: string): Uint8Array {
  if (/\p{Surrogate}/u.test(text))
    throw usageError("a string with a lone surrogate has no UTF-8 form");
  return Buffer.from(text, "utf8");
}

function notAPart(part: unknown): PersisterError {
  if (typeof part === "number" || typeof part === "bigint") {
    return usageError(`${part} has no width: write int(${part}), uint64(${part}) or byte(${part})`);
  }
  return usageError(
    `a value of type ${part === null ? "null" : typeof part} is no part of a key or payload`,
  );
}

/** The kind of a part that is to be decoded; a list stands for its parts in order. */
export type PartShape = keyof DecodedParts | readonly PartShape[];

/** A decoded part, by its kind. Numbers that may exceed 2^53 are bigints. */
export interface DecodedParts {
  string: string;
  bytes: Uint8Array;
  int: bigint;
  enumeration: bigint;
  uint16: number;
  uint32: number;
  uint64: bigint;
  byte: number;
  boolean: boolean;
}

/** The values of a list of shapes, in its order and nesting. */
export type Decoded<Shape extends readonly PartShape[]> = {
  -readonly [Index in keyof Shape]: Shape[Index] extends keyof DecodedParts
    ? DecodedParts[Shape[Index]]
    : Shape[Index] extends readonly PartShape[]
      ? Decoded<Shape[Index]>
      : never;
};

/**
 * Takes the bytes of a key or a payload apart. The inverse of `key` and `payload`: no byte may be left
 * over. Copies.
 *
 * @example
 * const [name, height] = decodeParts(row.key, ["string", "uint64"]);
 *
 * @throws {PersisterError} INVALID where `bytes` are not of this shape.
 */
export function decodeParts<const Shape extends readonly PartShape[]>(
  bytes: Uint8Array,
  shape: Shape,
): Decoded<Shape> {
  bytesArgument("bytes", bytes);
  if (!Array.isArray(shape)) throw wrongArgument("shape", "a list of kinds", shape);
  return readingArguments("shape", () => {
    const reader = new PartReader(bytes);
    const values = reader.list(shape);
    reader.end();
    return values as Decoded<Shape>;
  });
}

type Kind = keyof DecodedParts;
type Value = DecodedParts[keyof DecodedParts] | readonly Value[];

class PartReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  list(shapes: readonly PartShape[]): Value[] {
    return shapes.map((shape) =>
      Array.isArray(shape) ? this.list(shape) : this.#part(shape as Kind),
    );
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) this.#fail("bytes are left over");
  }

  #part(kind: Kind): Value {
    switch (kind) {
      case "string":
        return this.#text();
      case "bytes":
        return Uint8Array.from(this.#framed());
      case "int":
      case "enumeration":
        return this.#u64() - SIGN_BIT;
      case "uint16":
        return this.#below(0x1_0000n, kind);
      case "uint32":
        return this.#below(0x1_0000_0000n, kind);
      case "uint64":
        return this.#u64();
      case "byte":
        return this.#take(1).readUInt8();
      case "boolean":
        return this.#boolean();
      default:
        throw wrongArgument("a kind of part", "one of those that are documented", kind);
    }
  }

  #text(): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.#framed());
    } catch (cause) {
      if (cause instanceof PersisterError) throw cause;
      return this.#fail("a string is not UTF-8");
    }
  }

  #framed(): Buffer {
    return this.#take(this.#take(2).readUInt16BE());
  }

  #u64(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  #below(end: bigint, kind: string): number {
    const value = this.#u64();
    if (value >= end) this.#fail(`${value} is no ${kind}`);
    return Number(value);
  }

  #boolean(): boolean {
    const value = this.#take(1).readUInt8();
    if (value > 1) this.#fail(`${value} is no boolean`);
    return value === 1;
  }

  #take(count: number): Buffer {
    const end = this.#offset + count;
    if (end > this.#bytes.length) this.#fail("they are cut short");
    const taken = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  #fail(what: string): never {
    throw new PersisterError(
      "INVALID",
      `the bytes are not of the shape that was asked for: ${what} (byte ${this.#offset})`,
    );
  }
}
