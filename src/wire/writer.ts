/**
 * A buffer that protobuf fields are written into from the last to the first. Going backwards, the
 * length of a nested message is known when its tag is written, so nothing is measured first and
 * nothing is moved; fields are put in *descending* order and come out ascending.
 */
import { assert } from "../types/assert.js";
import { U64_MAX } from "../types/numbers.js";
import { WIRE_BYTES, WIRE_VARINT } from "./cursor.js";

/** Writes the fields of `value` in descending order. */
export type Put<T> = (writer: Writer, value: T) => void;

export class Writer {
  #bytes: Uint8Array;
  #start: number;

  /** `capacity` is a guess in bytes; the buffer grows. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#start = capacity;
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
    assert(value >= 0n && value <= U64_MAX, "an encoded number fits 64 bits without a sign");
    this.#varint(value);
    this.#tag(field, WIRE_VARINT);
  }

  /** Copies `value`. */
  bytes(field: number, value: Uint8Array): void {
    this.#reserve(value.length);
    this.#start -= value.length;
    this.#bytes.set(value, this.#start);
    this.#length(value.length);
    this.#tag(field, WIRE_BYTES);
  }

  /** Copies `value`, which has exactly `length` bytes. */
  fixed(field: number, value: Uint8Array, length: number): void {
    assert(value.length === length, `an encoded key, hash or signature has ${length} bytes`);
    this.bytes(field, value);
  }

  message<T>(field: number, put: Put<T>, value: T): void {
    const before = this.length;
    put(this, value);
    this.#length(this.length - before);
    this.#tag(field, WIRE_BYTES);
  }

  messages<T>(field: number, put: Put<T>, values: readonly T[]): void {
    for (let index = values.length - 1; index >= 0; index--) {
      this.message(field, put, values[index] as T);
    }
  }

  #tag(field: number, wireType: number): void {
    this.#length(field * 8 + wireType);
  }

  #varint(value: bigint): void {
    if (value <= 0x7fff_ffffn) {
      this.#length(Number(value));
      return;
    }
    const parts: number[] = [];
    for (let rest = value; rest > 0n; rest >>= 7n) parts.push(Number(rest & 0x7fn));
    this.#reserve(parts.length);
    for (let index = parts.length - 1; index >= 0; index--) {
      const more = index < parts.length - 1 ? 0x80 : 0;
      this.#bytes[--this.#start] = (parts[index] as number) | more;
    }
  }

  /** A varint of at most 31 bits. */
  #length(value: number): void {
    assert(value >= 0 && value <= 0x7fff_ffff, "a length fits 31 bits");
    this.#reserve(5);
    let size = 1;
    for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++;
    this.#start -= size;
    let rest = value;
    for (let index = 0; index < size - 1; index++) {
      this.#bytes[this.#start + index] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#start + size - 1] = rest;
  }

  #reserve(more: number): void {
    if (this.#start >= more) return;
    const used = this.finish();
    const grown = new Uint8Array(2 * this.#bytes.length + more);
    grown.set(used, grown.length - used.length);
    this.#start = grown.length - used.length;
    this.#bytes = grown;
  }
}
