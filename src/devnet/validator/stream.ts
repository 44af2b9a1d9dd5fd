/** Messages on a connection: `[field number and wire type 2][length][bytes]`, one after the other. */
import { FormatError } from "../../codec/binary.js";
import { encodeMessage, fieldOfKind, type Message } from "../protocol/message.js";

const WIRE_BYTES = 2;
/** Tag and length: a tag of one or two bytes, and a length below 2^28. */
const HEAD_BYTES_MAX = 6;
/** Twice the largest block, so that a length which is not one is noticed at once. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** The bytes of `message` on a connection: its head, and its body. */
export function framed(message: Message): readonly [Uint8Array, Uint8Array] {
  const body = encodeMessage(message);
  const head: number[] = [];
  putVarint(head, fieldOfKind(message.kind) * 8 + WIRE_BYTES);
  putVarint(head, body.length);
  return [Uint8Array.from(head), body];
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
  /** Bytes that must be there before the next message is whole, as far as known. */
  #wanted = 2;

  /**
   * Yields the messages that `chunk` completes, as views. Keeps `chunk` while it needs it.
   *
   * @throws {FormatError} where what follows is no message.
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

/** Tag and length of the message that `bytes` begin with, once they are all there. */
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
