/**
 * The bytes of one A/B slot, a whole file:
 *
 *   [CRC-32C of all that follows, 4 bytes BE][seq, u64 LE][message, padded to the end of the file]
 *
 * A file is preallocated and overwritten in place, so the message is filled up with an unknown
 * protobuf field, which every decoder skips. Nothing but the file's end says where the message ends.
 */
import { crc32c } from "../../codec/crc32c.js";
import { assert } from "../../types/assert.js";
import { U64_MAX } from "../../types/numbers.js";

/** CRC and sequence. */
export const SLOT_HEAD_BYTES = 12;
/** Size of a new slot: holds a prune anchor of 100 validators, still one fast write. */
export const SLOT_BYTES_DEFAULT = 16 * 1024;
/** No slot grows past this; a larger file is none of ours, and is not read into memory. */
export const SLOT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * The field number of the padding. No message of ours uses it, nor may one ever: it is `reserved`
 * for this. It is the largest that fits a two-byte tag.
 */
export const PADDING_FIELD = 2047;
/** The tag (field << 3 | length-delimited) as a varint. */
const PADDING_TAG = Uint8Array.of(0xfa, 0x7f);
/** The length always takes four bytes, so that every gap from the smallest on can be filled. */
const PADDING_LENGTH_BYTES = 4;
/** The smallest gap that padding can fill. A gap of 0 needs none. */
export const PADDING_BYTES_MIN = PADDING_TAG.length + PADDING_LENGTH_BYTES;

/** The content of a slot file. `message` still has its padding, and is a view into the bytes read. */
export type SlotState =
  | { readonly status: "missing" }
  | { readonly status: "absent" }
  | { readonly status: "valid"; readonly seq: bigint; readonly message: Uint8Array }
  | { readonly status: "corrupt"; readonly reason: string };

/** The size of file that `message` needs, from `size` on: the next power of two that holds it. */
export function slotBytesFor(message: Uint8Array, size: number): number {
  const exact = SLOT_HEAD_BYTES + message.length;
  if (exact === size || exact + PADDING_BYTES_MIN <= size) return size;
  return 2 ** Math.ceil(Math.log2(Math.max(size + 1, exact + PADDING_BYTES_MIN)));
}

/** A slot of exactly `size` bytes. Copies `message`. */
export function encodeSlot(seq: bigint, message: Uint8Array, size: number): Uint8Array {
  assert(seq > 0n && seq <= U64_MAX, "a slot's sequence is above 0 and fits 64 bits");
  const gap = size - SLOT_HEAD_BYTES - message.length;
  assert(gap === 0 || gap >= PADDING_BYTES_MIN, "the message and its padding fit the slot");
  const slot = Buffer.alloc(size);
  slot.writeBigUInt64LE(seq, 4);
  slot.set(message, SLOT_HEAD_BYTES);
  if (gap > 0) {
    const padding = SLOT_HEAD_BYTES + message.length;
    slot.set(PADDING_TAG, padding);
    slot.set(longVarint(gap - PADDING_BYTES_MIN), padding + PADDING_TAG.length);
  }
  slot.writeUInt32BE(crc32c(slot.subarray(4)), 0);
  return slot;
}

/** Reads `slot`, all the bytes of a file. Total: any bytes have an answer. */
export function decodeSlot(slot: Uint8Array): SlotState {
  if (slot.length === 0) return { status: "absent" };
  if (slot.length < SLOT_HEAD_BYTES) {
    return { status: "corrupt", reason: `${slot.length} bytes are fewer than a slot's head has` };
  }
  const view = Buffer.from(slot.buffer, slot.byteOffset, slot.length);
  if (view.equals(Buffer.alloc(view.length))) return { status: "absent" };
  if (view.readUInt32BE(0) !== crc32c(view.subarray(4))) {
    return { status: "corrupt", reason: "the CRC does not match the bytes" };
  }
  const seq = view.readBigUInt64LE(4);
  if (seq === 0n) return { status: "corrupt", reason: "the sequence is 0, which none is given" };
  return { status: "valid", seq, message: slot.subarray(SLOT_HEAD_BYTES) };
}

/** A varint of exactly four bytes, whatever the value: 28 bits. */
function longVarint(value: number): Uint8Array {
  assert(value >= 0 && value < 2 ** 28, "the length of the padding fits four varint bytes");
  return Uint8Array.of(
    (value & 0x7f) | 0x80,
    ((value >>> 7) & 0x7f) | 0x80,
    ((value >>> 14) & 0x7f) | 0x80,
    value >>> 21,
  );
}

/**
 * The message without the padding of its slot: a view. Bytes that are no fields of protobuf, or that end in no
 * padding, are returned as they are.
 */
export function unpadded(message: Uint8Array): Uint8Array {
  for (let at = 0; at < message.length; ) {
    const field = fieldAt(message, at);
    if (!field) return message;
    if (field.number === PADDING_FIELD && field.next === message.length) {
      return message.subarray(0, at);
    }
    at = field.next;
  }
  return message;
}

/** The field that begins at `at`, and where the next one does; `undefined` where none does. */
function fieldAt(
  bytes: Uint8Array,
  at: number,
): { readonly number: number; readonly next: number } | undefined {
  const tag = varintAt(bytes, at);
  if (!tag) return undefined;
  const number = Math.floor(tag.value / 8);
  const next = endOfValue(bytes, tag.next, tag.value % 8);
  return next === undefined || next > bytes.length ? undefined : { number, next };
}

/** The wire types of protobuf: a varint, eight bytes, bytes with their length, four bytes. */
function endOfValue(bytes: Uint8Array, at: number, wireType: number): number | undefined {
  if (wireType === 0) return varintAt(bytes, at)?.next;
  if (wireType === 1) return at + 8;
  if (wireType === 5) return at + 4;
  const length = wireType === 2 ? varintAt(bytes, at) : undefined;
  return length && length.next + length.value;
}

/** A varint as a number: rounded above 2^53, which no length of a message is. */
function varintAt(
  bytes: Uint8Array,
  from: number,
): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let at = from; at < bytes.length && at < from + 10; at += 1) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * (at - from));
    if (byte < 0x80) return { value, next: at + 1 };
  }
  return undefined;
}
