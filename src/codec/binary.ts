/**
 * Reading and writing of our own fixed binary forms (STORE, mark, heads): little-endian, no padding,
 * strings as one length byte and ASCII. A reader is total: it yields a value or a `FormatError`.
 */
import { assert } from "../types/assert.js";

/** Bytes that are not of the expected form. The caller, who knows the file, turns it into a typed refusal. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** As `writeBigUInt64LE`, which computes with bigints, in a fifth of its time where the value is no larger than most. */
export function writeU64(target: Buffer, value: bigint, offset: number): void {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    target.writeBigUInt64LE(value, offset);
    return;
  }
  target.writeUInt32LE(number >>> 0, offset);
  target.writeUInt32LE((number / 0x1_0000_0000) >>> 0, offset + 4);
}

/** Appends values to a growing buffer. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 4096) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const offset = this.#grow(1);
    this.#buffer.writeUInt8(value, offset);
    return this;
  }

  u16(value: number): this {
    const offset = this.#grow(2);
    this.#buffer.writeUInt16LE(value, offset);
    return this;
  }

  u32(value: number): this {
    const offset = this.#grow(4);
    this.#buffer.writeUInt32LE(value, offset);
    return this;
  }

  u64(value: bigint): this {
    const offset = this.#grow(8);
    writeU64(this.#buffer, value, offset);
    return this;
  }

  /** Copies `value`. */
  bytes(value: Uint8Array): this {
    const offset = this.#grow(value.length);
    this.#buffer.set(value, offset);
    return this;
  }

  /** At most 255 ASCII characters. */
  text(value: string): this {
    assert(value.length <= 255, "a name has at most 255 characters");
    this.u8(value.length);
    const offset = this.#grow(value.length);
    this.#buffer.write(value, offset, "latin1");
    return this;
  }

  zeros(count: number): this {
    const offset = this.#grow(count);
    this.#buffer.fill(0, offset, offset + count);
    return this;
  }

  /** Everything that was written. Valid until the next write. */
  result(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Makes room and returns its offset. It may replace the buffer: call it before you use the buffer. */
  #grow(count: number): number {
    const offset = this.#length;
    this.#length += count;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, offset));
      this.#buffer = larger;
    }
    return offset;
  }
}

/** Takes values from the front of `bytes`. */
export class ByteReader {
  readonly #buffer: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get offset(): number {
    return this.#offset;
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#buffer.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  u64(): bigint {
    return this.#buffer.readBigUInt64LE(this.#take(8));
  }

  /** Copies. */
  bytes(count: number): Uint8Array {
    const offset = this.#take(count);
    return Uint8Array.from(this.#buffer.subarray(offset, offset + count));
  }

  text(): string {
    const count = this.u8();
    const offset = this.#take(count);
    return this.#buffer.toString("latin1", offset, offset + count);
  }

  /** Refuses bytes behind the last that was taken. */
  end(): void {
    if (this.#offset !== this.#buffer.length) this.fail("bytes beyond the end of the form");
  }

  fail(message: string): never {
    throw new FormatError(message, this.#offset);
  }

  #take(count: number): number {
    const offset = this.#offset;
    if (offset + count > this.#buffer.length) this.fail("the form is cut short");
    this.#offset = offset + count;
    return offset;
  }
}
