/**
 * A message as a tree of fields that can be written with every oddity of the framing: padded tags
 * and numbers, lengths that lie, groups, numbers that do not fit. `inspect` reads any bytes by the
 * rules of sei-chain's scan and says what is wrong with them; it shares no code with `src/wire`.
 */
import type { FieldShape, MessageShape } from "./schema.js";

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const GROUP = 3;
export const GROUP_END = 4;
export const FIXED32 = 5;

/** A field of a tree; mutators change copies, as trees share fields. */
export interface Field {
  number: number;
  wireType: number;
  /** A number, the fields of a message, or bytes: with a group's, its end tag is among them. */
  body: bigint | Uint8Array | Field[];
  /** Bytes more than the tag, and the number or length after it, need. */
  tagPad: number;
  pad: number;
  /** Added to the length that is written. */
  lie: bigint;
  /** All of the above as bytes, where this is known already: nothing in it has changed since. */
  written: Uint8Array | undefined;
  /** The number of fields in `written`, those of nested messages included. */
  size: number;
}

export function fieldOf(number: number, wireType: number, body: Field["body"]): Field {
  return { number, wireType, body, tagPad: 0, pad: 0, lie: 0n, written: undefined, size: 0 };
}

/**
 * `number`: one does not fit 64 bits, which protobufjs often does not mind. `depth`: too many groups
 * in groups. `frame`: everything else, and protobufjs refuses it too.
 */
export type Fault = "number" | "depth" | "frame";
type Limit = "count" | "size" | "total";

export interface Verdict {
  readonly fault: Fault | undefined;
  /** A field number of the message, or of one in it, is beyond what the schema language has. */
  readonly hasBadNumber: boolean;
  /** Sound for us, but not for protobufjs: tags and lengths of six bytes and more, deep groups. */
  readonly hasOddity: boolean;
  /** The first limit that is exceeded, if that comes before the fault. */
  readonly limit: Limit | undefined;
}

const NUMBER_MAX = 0x1fff_ffff;
const TAG_NUMBER_MAX = 0x7fff_ffff;
const GROUP_DEPTH_MAX = 10_001;
/** protobufjs stops at 100 groups and messages in each other. */
const ODD_DEPTH = 90;

class Faulty extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault);
    this.fault = fault;
  }
}

/** Made once: most of the time of a refusal would go into the stacks of errors. */
const badFrame = new Faulty("frame");
const badNumber = new Faulty("number");
const badDepth = new Faulty("depth");

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** The length of the byte string that was read last. */
  #valueBytes = 0;
  hasBadNumber = false;
  hasOddity = false;
  limit: Limit | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Adds the known fields to `into`, where they are wanted. */
  message(shape: MessageShape, end: number, into: Field[] | undefined): void {
    const counts: number[] = [];
    let total = 0;
    while (this.#at < end) {
      const tag = this.#tag(end);
      const number = Math.floor(tag / 8);
      const known = shape.fields[number];
      if (known === undefined) {
        if (number > NUMBER_MAX) this.hasBadNumber = true;
        this.#skip(tag, end);
        continue;
      }
      const count = (counts[number] ?? 0) + 1;
      counts[number] = count;
      if (count > known.countMax) this.limit ??= "count";
      const wireType = tag % 8;
      if (wireType !== (known.kind === "varint" ? VARINT : BYTES)) {
        this.#skip(tag, end);
        continue;
      }
      const body = this.#body(known, end, into !== undefined);
      if (body !== undefined) into?.push(fieldOf(number, wireType, body));
      if (known.totalBytesMax === undefined) continue;
      total += this.#valueBytes;
      if (total > known.totalBytesMax) this.limit ??= "total";
    }
  }

  #body(known: FieldShape, end: number, isWanted: boolean): Field["body"] | undefined {
    if (known.kind === "varint") {
      if (isWanted) return this.#varint(end);
      this.#rounded(end);
      return undefined;
    }
    const next = this.#length(end);
    if (known.message !== undefined) {
      const inner = isWanted ? [] : undefined;
      this.message(known.message, next, inner);
      return inner;
    }
    const start = this.#at;
    this.#at = next;
    this.#valueBytes = next - start;
    if (known.bytesMax !== undefined && this.#valueBytes > known.bytesMax) this.limit ??= "size";
    return isWanted ? this.#bytes.subarray(start, next) : undefined;
  }

  /** The number at `at`, rounded where it is above 2^53. */
  #rounded(end: number): number {
    let value = 0;
    for (let index = 0; index < 10; index++) {
      if (this.#at >= end) throw badFrame;
      const byte = this.#bytes[this.#at++]!;
      if (index === 9 && byte > 1) throw badNumber;
      value += (byte & 127) * 2 ** (7 * index);
      if (byte < 128) return value;
    }
    throw badNumber;
  }

  #varint(end: number): bigint {
    const start = this.#at;
    const rounded = this.#rounded(end);
    if (rounded <= Number.MAX_SAFE_INTEGER) return BigInt(rounded);
    let value = 0n;
    for (let at = this.#at - 1; at >= start; at--) {
      value = (value << 7n) | BigInt(this.#bytes[at]! & 127);
    }
    return value;
  }

  /** Field number times eight, plus the wire type. */
  #tag(end: number): number {
    const start = this.#at;
    const tag = this.#rounded(end);
    if (this.#at - start > 5) this.hasOddity = true;
    if (tag < 8 || tag / 8 >= TAG_NUMBER_MAX + 1) throw badFrame;
    return tag;
  }

  #length(end: number): number {
    const start = this.#at;
    const length = this.#rounded(end);
    if (this.#at - start > 5) this.hasOddity = true;
    if (length > end - this.#at) throw badFrame;
    return this.#at + length;
  }

  #skip(tag: number, end: number): void {
    const open: number[] = [];
    let inner = tag;
    for (;;) {
      const wireType = inner % 8;
      if (wireType === GROUP) open.push(inner + 1);
      else if (wireType !== GROUP_END) this.#skipPlain(wireType, end);
      else if (open.pop() !== inner) throw badFrame;
      if (open.length > GROUP_DEPTH_MAX) throw badDepth;
      if (open.length > ODD_DEPTH) this.hasOddity = true;
      if (open.length === 0) return;
      inner = this.#tag(end);
      if (inner / 8 >= NUMBER_MAX + 1) this.hasOddity = true;
    }
  }

  #skipPlain(wireType: number, end: number): void {
    if (wireType === VARINT) {
      this.#rounded(end);
      return;
    }
    const length = wireType === FIXED64 ? 8 : wireType === FIXED32 ? 4 : undefined;
    if (length === undefined && wireType !== BYTES) throw badFrame;
    this.#at = length === undefined ? this.#length(end) : this.#at + length;
    if (this.#at > end) throw badFrame;
  }
}

/** Says of any bytes whether they are a message, by framing and limits. */
export function inspect(bytes: Uint8Array, shape: MessageShape): Verdict {
  return read(bytes, shape, undefined);
}

/** The known fields of a sound message. Byte strings are views of `bytes`. */
export function readTree(bytes: Uint8Array, shape: MessageShape): Field[] {
  const fields: Field[] = [];
  const { fault } = read(bytes, shape, fields);
  if (fault !== undefined) throw new Error(`no tree can be made of what has the fault ${fault}`);
  return fields;
}

function read(bytes: Uint8Array, shape: MessageShape, into: Field[] | undefined): Verdict {
  const reader = new Reader(bytes);
  let fault: Fault | undefined;
  try {
    reader.message(shape, bytes.length, into);
  } catch (error) {
    if (!(error instanceof Faulty)) throw error;
    fault = error.fault;
  }
  const { hasBadNumber, hasOddity, limit } = reader;
  return { fault, hasBadNumber, hasOddity, limit };
}

/**
 * Writes trees into one buffer, over and over. Its bytes are valid until the next call, and
 * lies between other bytes, so that a decoder that leaves its input reads nonsense, not zeros.
 */
export class TreeWriter {
  #bytes = new Uint8Array(1 << 16).fill(0x0a);
  #start = 0;

  write(fields: readonly Field[]): Uint8Array {
    this.#start = this.#bytes.length - 16;
    this.#fields(fields);
    return this.#bytes.subarray(this.#start, -16);
  }

  get #length(): number {
    return this.#bytes.length - this.#start;
  }

  /** Backwards, so that lengths are known when they are written. */
  #fields(fields: readonly Field[]): void {
    for (let index = fields.length - 1; index >= 0; index--) this.#field(fields[index]!);
  }

  #field({ number, wireType, body, tagPad, pad, lie, written }: Field): void {
    if (written !== undefined) {
      this.#copy(written);
      return;
    }
    const before = this.#length;
    if (typeof body === "bigint") this.#varint(body, pad);
    else if (Array.isArray(body)) this.#fields(body);
    else this.#copy(body);
    if (wireType === BYTES) {
      const length = this.#length - before;
      if (lie === 0n) this.#small(length, pad);
      else this.#varint(BigInt(length) + lie < 0n ? 0n : BigInt(length) + lie, pad);
    }
    this.#small(number * 8 + wireType, tagPad);
  }

  #small(value: number, pad: number): void {
    if (pad > 0 || value > 0x3fff) {
      this.#varint(BigInt(value), pad);
      return;
    }
    this.#reserve(2);
    if (value < 128) this.#bytes[--this.#start] = value;
    else {
      this.#bytes[--this.#start] = value >> 7;
      this.#bytes[--this.#start] = (value & 127) | 128;
    }
  }

  #copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#start -= bytes.length;
    this.#bytes.set(bytes, this.#start);
  }

  /** Any size: a number of more than 64 bits is written as it is, and padding goes on after ten. */
  #varint(value: bigint, pad: number): void {
    if (value < 0x4000n && pad === 0) {
      this.#small(Number(value), 0);
      return;
    }
    const parts: number[] = [];
    for (let rest = value; rest > 127n; rest >>= 7n) parts.push(Number(rest & 127n) | 128);
    parts.push(Number(value >> BigInt(7 * parts.length)));
    for (let index = 0; index < pad; index++) {
      parts[parts.length - 1]! |= 128;
      parts.push(0);
    }
    this.#reserve(parts.length);
    this.#start -= parts.length;
    this.#bytes.set(parts, this.#start);
  }

  #reserve(more: number): void {
    if (more <= this.#start) return;
    const grown = new Uint8Array(2 * this.#bytes.length + more).fill(0x0a);
    grown.set(this.#bytes, grown.length - this.#bytes.length);
    this.#start += grown.length - this.#bytes.length;
    this.#bytes = grown;
  }
}
