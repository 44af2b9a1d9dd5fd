/** Makes an object of records, one behind the other: see `object.ts`. */
import { crc32c } from "../../codec/crc32c.js";
import type { Key } from "../../keys/key.js";
import { assert } from "../../types/assert.js";
import { CRC_BYTES, type HeadFacts, headOf, summed } from "./head.js";
import type { ArchivedLog } from "./names.js";
import { ENTRY_BYTES, recordHash } from "./object.js";
import type { ObjectMemory } from "./object-memory.js";
import { compress, type Compression, saltOf, sealBody } from "./packing.js";

const VARINT_BYTES_MAX = 5;

/** How new objects are packed. */
export interface Packing {
  readonly compression: Compression;
  readonly key: Key | undefined;
}

export interface BuiltObject {
  readonly first: bigint;
  readonly next: bigint;
  readonly bytes: Uint8Array;
  /** The hash of the last record. */
  readonly last: Uint8Array;
}

interface Place {
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
  readonly hash: Uint8Array;
}

/** Collects records in one buffer, which becomes the object. */
export class ObjectBuilder {
  readonly #chainId: string;
  readonly #log: ArchivedLog;
  readonly #first: bigint;
  readonly #places: Place[] = [];
  /** The offset of the body if the object is plain. */
  readonly #headBytes: number;
  #buffer: Buffer;
  #end: number;

  constructor(chainId: string, log: ArchivedLog, first: bigint) {
    this.#chainId = chainId;
    this.#log = log;
    this.#first = first;
    this.#headBytes = headOf(this.#facts(), undefined).length + CRC_BYTES;
    this.#buffer = Buffer.alloc(0);
    this.#end = this.#headBytes;
  }

  get next(): bigint {
    return this.#first + BigInt(this.#places.length);
  }

  /** Bytes of records so far. */
  get length(): number {
    return this.#end - this.#headBytes;
  }

  hashAt(number: bigint): Uint8Array | undefined {
    return this.#places[Number(number - this.#first)]?.hash;
  }

  /** Takes room once for all that will come. */
  takeFrom(memory: ObjectMemory, bytes: number): void {
    this.#buffer = memory.take(this.#headBytes + bytes);
  }

  /** Gives the room back, once the object that was made in it is not needed any more. */
  giveBackTo(memory: ObjectMemory): void {
    memory.giveBack(this.#buffer);
    this.#buffer = Buffer.alloc(0);
  }

  /** Copies the record of the number `next`. */
  add(bytes: Uint8Array): void {
    this.#room(VARINT_BYTES_MAX + bytes.length);
    let rest = bytes.length;
    for (; rest >= 0x80; rest >>>= 7) this.#buffer[this.#end++] = (rest & 0x7f) | 0x80;
    this.#buffer[this.#end++] = rest;
    const offset = this.#end - this.#headBytes;
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
    const hash = recordHash(this.#log, bytes);
    this.#places.push({ offset, length: bytes.length, crc: crc32c(bytes), hash });
  }

  /** The object. Nothing can be added behind it. */
  async finish({ compression, key }: Packing): Promise<BuiltObject> {
    const last = this.#places.at(-1)?.hash;
    assert(last !== undefined, "an object has a record");
    this.#writeIndex();
    const bytes = await this.#packed(compression, key);
    return { first: this.#first, next: this.next, bytes, last };
  }

  async #packed(compression: Compression, key: Key | undefined): Promise<Uint8Array> {
    const body = this.#buffer.subarray(this.#headBytes, this.#end);
    const facts = { ...this.#facts(), compression, bodyBytes: body.length };
    if (compression === "none" && !key) {
      this.#buffer.set(summed(headOf(facts, undefined)));
      return this.#buffer.subarray(0, this.#end);
    }
    const packed = await compress(compression, body);
    const salted = key && { id: key.id, salt: saltOf(key, packed) };
    const head = headOf(facts, salted);
    const sealed = key && salted ? sealBody(key, salted.salt, head, packed) : packed;
    return Buffer.concat([summed(head), sealed]);
  }

  #facts(): HeadFacts {
    return {
      chainId: this.#chainId,
      log: this.#log,
      compression: "none",
      first: this.#first,
      count: this.#places.length,
      bodyBytes: 0,
    };
  }

  #writeIndex(): void {
    const bytes = this.#places.length * ENTRY_BYTES;
    this.#room(bytes + CRC_BYTES);
    const index = this.#buffer.subarray(this.#end, this.#end + bytes);
    for (const [at, { offset, length, crc, hash }] of this.#places.entries()) {
      index.writeUInt32LE(offset, at * ENTRY_BYTES);
      index.writeUInt32LE(length, at * ENTRY_BYTES + 4);
      index.writeUInt32LE(crc, at * ENTRY_BYTES + 8);
      index.set(hash, at * ENTRY_BYTES + 12);
    }
    this.#end += bytes;
    this.#end = this.#buffer.writeUInt32LE(crc32c(index), this.#end);
  }

  #room(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 1.5));
    larger.set(this.#buffer.subarray(0, this.#end));
    this.#buffer = larger;
  }
}
