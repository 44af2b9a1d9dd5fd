/**
 * Messages on a stream of bytes, one after the other, in the form in which Protobuf writes a field:
 *
 *     [field number and wire type 2, varint] [length, varint] [bytes]
 */
import { FormatError } from "./binary.js";

const WIRE_BYTES = 2;
/** Tag and length: a tag of one or two bytes, and a length below 2^28. */
const HEAD_BYTES_MAX = 6;
/** Twice the largest block, so that bytes which are no length are noticed at once. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** The bytes that stand before the `length` bytes of a message in field `field`. */
export function frameHead(field: number, length: number): Uint8Array {
  const head: number[] = [];
  putVarint(head, field * 8 + WIRE_BYTES);
  putVarint(head, length);
  return Uint8Array.from(head);
}

/** A message as it arrives: the number of its field, and its bytes. */
export interface Frame {
  readonly field: number;
  readonly bytes: Uint8Array;
}

/** Cuts what arrives into messages. */
export class FrameSplitter {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** How many bytes the next message needs, as far as its head tells. */
  #wanted = 2;

  /**
   * Yields the messages that `chunk` completes, as views. Keeps `chunk` until it has yielded its last
   * message.
   *
   * @throws {FormatError} where the bytes that follow are no message.
   */
  *push(chunk: Uint8Array): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#wanted) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (;;) {
      const head = headOf(rest);
      this.#wanted = head === undefined ? rest.length + 1 : head.end;
      if (head === undefined || rest.length < head.end) break;
      yield { field: head.field, bytes: rest.subarray(head.start, head.end) };
      rest = rest.subarray(head.end);
    }
    this.#chunks = [rest];
    this.#length = rest.length;
  }
}

/** The head of the message that `bytes` begin with; undefined while bytes of it are missing. */
function headOf(bytes: Uint8Array) {
  const tag = varintAt(bytes, 0);
  const length = tag && varintAt(bytes, tag.end);
  if (!tag || !length) {
    if (bytes.length < HEAD_BYTES_MAX) return undefined;
    throw new FormatError("a message on a connection has no head", 0);
  }
  const isSane = tag.value % 8 === WIRE_BYTES && length.value <= MESSAGE_BYTES_MAX;
  if (!isSane) throw new FormatError("a message on a connection has no sane length", 0);
  return { field: tag.value >> 3, start: length.end, end: length.end + length.value };
}

function varintAt(bytes: Uint8Array, start: number) {
  let value = 0;
  for (let at = start; at < bytes.length && at < start + 4; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * 128 ** (at - start);
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}

function putVarint(into: number[], value: number): void {
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) into.push((rest & 0x7f) | 0x80);
  into.push(rest);
}
