/**
 * A buffer that protobuf fields are written into from the last to the first. Going backwards, the
 * length of a nested message is known when its tag is written, so nothing is measured first and
 * nothing is moved; fields are put in *descending* order and come out ascending.
 */
import { assert } from "../../types/assert.js";
import { U64_MAX } from "../../types/numbers.js";
import { isBytes } from "../../types/shape.js";
import { WIRE_BYTES, WIRE_VARINT } from "./cursor.js";

/** Writes the fields of `value` in descending order. */
export type Put<T> = (writer: Writer, value: T) => void;

/** Field numbers of our messages: a tag has at most two bytes. */
export const FIELDS_MAX = 2047;

/** A tag and a number or length behind it. */
const PREFIX_BYTES_MAX = 12;
const U31_MAX = 0x7fff_ffffn;

const SCRATCH_BYTES = 32 * 1024;
/** Smaller messages are written here, one at a time, and then copied to memory of their own. */
let scratch: Uint8Array | undefined = new Uint8Array(SCRATCH_BYTES);

/** The bytes of `value` in `memory`, as far as it has room for them: a view. */
export function writtenIn<T>(memory: Uint8Array, put: Put<T>, value: T): Uint8Array {
  const writer = new Writer(memory);
  put(writer, value);
  return writer.finish();
}

/** The bytes of `value`, of which there are about `capacity`. They are the caller's. */
export function written<T>(put: Put<T>, value: T, capacity = 512): Uint8Array {
  const lent = capacity <= SCRATCH_BYTES ? scratch : undefined;
  const writer = new Writer(lent ?? capacity);
  if (lent === undefined) {
    put(writer, value);
    return writer.finish();
  }
  scratch = undefined;
  try {
    put(writer, value);
    return writer.finish().slice();
  } finally {
    scratch = lent;
  }
}

/** Memory that is not cleared: a writer hands out only the bytes that it wrote. */
export function unfilled(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

export class Writer {
  #bytes: Uint8Array;
  #start: number;

  /** `memory` is the memory that it begins with, or a guess of its size. It grows. */
  constructor(memory: Uint8Array | number) {
    this.#bytes = typeof memory === "number" ? unfilled(memory) : memory;
    this.#start = this.#bytes.length;
  }

  /** The bytes so far: a view, to be taken once at the end. */
  finish(): Uint8Array {
    return this.#bytes.subarray(this.#start);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes.length - this.#start;
  }

  u64(field: number, value: bigint): void {
    assert(
      typeof value === "bigint" && value >= 0n && value <= U64_MAX,
      "an encoded number is a bigint that fits 64 bits without a sign",
    );
    this.#reserve(PREFIX_BYTES_MAX);
    if (value <= U31_MAX) this.#u31(Number(value));
    else this.#u64(value);
    this.#u31(field * 8 + WIRE_VARINT);
  }

  /** Copies `value`. */
  bytes(field: number, value: Uint8Array): void {
    assert(isBytes(value), "an encoded byte string is a Uint8Array");
    this.#reserve(value.length + PREFIX_BYTES_MAX);
    this.#start -= value.length;
    this.#bytes.set(value, this.#start);
    this.#prefix(field, value.length);
  }

  /** Copies `value`, which has exactly `length` bytes. */
  fixed(field: number, value: Uint8Array, length: number): void {
    assert(value.length === length, "an encoded key, hash or signature has its length");
    this.bytes(field, value);
  }

  message<T>(field: number, put: Put<T>, value: T): void {
    const before = this.length;
    put(this, value);
    this.#reserve(PREFIX_BYTES_MAX);
    this.#prefix(field, this.length - before);
  }

  messages<T>(field: number, put: Put<T>, values: readonly T[]): void {
    assert(Array.isArray(values), "encoded messages are an array");
    for (let index = values.length - 1; index >= 0; index--) {
      this.message(field, put, values[index] as T);
    }
  }

  /** The tag and the length of what was written last. The usual lengths go without a loop. */
  #prefix(field: number, length: number): void {
    if (length >= 0x4000) {
      this.#u31(length);
      this.#u31(field * 8 + WIRE_BYTES);
      return;
    }
    const bytes = this.#bytes;
    let at = this.#start;
    if (length < 0x80) {
      bytes[--at] = length;
    } else {
      bytes[--at] = length >>> 7;
      bytes[--at] = (length & 0x7f) | 0x80;
    }
    this.#start = at;
    this.#u31(field * 8 + WIRE_BYTES);
  }

  /** A varint of at most 31 bits. */
  #u31(value: number): void {
    if (value < 0x80) {
      this.#bytes[--this.#start] = value;
      return;
    }
    let size = 2;
    for (let rest = value >>> 14; rest > 0; rest >>>= 7) size++;
    this.#start -= size;
    let rest = value;
    for (let index = 0; index < size - 1; index++) {
      this.#bytes[this.#start + index] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#start + size - 1] = rest;
  }

  #u64(value: bigint): void {
    const parts: number[] = [];
    for (let rest = value; rest > 0n; rest >>= 7n) parts.push(Number(rest & 0x7fn));
    for (let index = parts.length - 1; index >= 0; index--) {
      const more = index < parts.length - 1 ? 0x80 : 0;
      this.#bytes[--this.#start] = (parts[index] as number) | more;
    }
  }

  #reserve(more: number): void {
    if (this.#start >= more) return;
    const used = this.finish();
    const grown = unfilled(2 * this.#bytes.length + more);
    grown.set(used, grown.length - used.length);
    this.#start = grown.length - used.length;
    this.#bytes = grown;
  }
}
