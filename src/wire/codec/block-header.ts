/**
 * The header of an encoded signed block, without a look at its transactions. Recovery needs it of every
 * record, to follow a lane's parent chain.
 *
 * Records are nearly always in canonical form, with every field in its place. So that form is tried
 * first. Bytes of any other form go the long way, and only the long way refuses.
 */
import { laneIdOf } from "../../types/lane.js";
import { WIRE_BYTES, WIRE_VARINT } from "./cursor.js";
import { blockHeaderFrom, decodeBlockHeader, signatureFrom } from "./decode.js";
import { encodeBlockHeader } from "./encode.js";
import { messageOf, refuse } from "./fields.js";
import { type BlockHeader, HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES } from "../messages.js";
import { RawMessage } from "./raw-message.js";
import { Block, type FieldRule, type Schema, SignedBlock } from "./schema.js";

/**
 * Reads the header of an encoded signed block. It refuses what `decodeSignedBlock` refuses, except
 * for faults inside the payload. The header is a copy.
 *
 * @throws {DecodeError}
 */
export function readSignedBlockHeader(bytes: Uint8Array): BlockHeader {
  return readInOrder(bytes)?.header ?? readAny(bytes);
}

/** A header, and the canonical bytes that its hash is of. */
export interface EncodedHeader {
  readonly header: BlockHeader;
  /** Valid as long as the bytes that were read. */
  readonly canonical: Uint8Array;
}

/**
 * As `readSignedBlockHeader`, with the canonical bytes of the header: where the block is canonical they are a
 * view of it, and nothing is encoded again.
 *
 * @throws {DecodeError}
 */
export function readEncodedHeader(bytes: Uint8Array): EncodedHeader {
  const inOrder = readInOrder(bytes);
  if (inOrder) return inOrder;
  const header = readAny(bytes);
  return { header, canonical: encodeBlockHeader(header) };
}

/** `Block` with the payload as one byte string that is not looked into. */
const closedBlock: Schema = { name: "Block", fields: withBytes(Block, 2) };
const closedSignedBlock: Schema = {
  name: "SignedBlock",
  fields: SignedBlock.fields.map((rule, number) =>
    number === 1 && rule !== undefined ? { ...rule, message: closedBlock } : rule,
  ),
};

function withBytes(schema: Schema, closed: number): readonly (FieldRule | undefined)[] {
  return schema.fields.map((rule, number) =>
    number === closed && rule !== undefined
      ? { name: rule.name, kind: "bytes", countMax: rule.countMax }
      : rule,
  );
}

function readAny(bytes: Uint8Array): BlockHeader {
  const raw = RawMessage.of(bytes, closedSignedBlock, "lent");
  const block = messageOf(raw, 1);
  const header = blockHeaderFrom(messageOf(block, 1));
  if (block.lend(2) === undefined) refuse(block, "payload", "missing", "is required");
  signatureFrom(messageOf(raw, 2));
  return header;
}

/** The tag of field 1 where it is a message: a block's place in a signed block, a header's in a block. */
const TAG_1 = 0x0a;

/**
 * The header in the first bytes of an encoded signed block, of which the rest is not there; `undefined`
 * if the header does not stand at its begin, or not all of it is there.
 *
 * @throws {DecodeError}
 */
export function readHeaderAtBegin(bytes: Uint8Array): BlockHeader | undefined {
  const block = messageAt(bytes, 0);
  const header = block && messageAt(bytes, block.at);
  if (!header || header.at + header.length > bytes.length) return undefined;
  return decodeBlockHeader(bytes.subarray(header.at, header.at + header.length));
}

/** The offset and the length of the message in field 1. */
function messageAt(bytes: Uint8Array, tagAt: number): { at: number; length: number } | undefined {
  if (bytes[tagAt] !== TAG_1) return undefined;
  let length = 0;
  for (let at = tagAt + 1, scale = 1; at < bytes.length && scale <= 2 ** 28; at++, scale *= 128) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) return { at: at + 1, length };
  }
  return undefined;
}

/** The header of a block whose fields outside of the payload are those of the canonical form. */
function readInOrder(bytes: Uint8Array): EncodedHeader | undefined {
  const fields = new OrderedFields(bytes);
  const blockEnd = fields.enter(1);
  const headerEnd = fields.enter(1);
  const headerBegin = fields.at;
  const number = fields.number(2);
  const parentHash = fields.fixed(3, HASH_BYTES);
  const payloadHash = fields.fixed(4, HASH_BYTES);
  const laneEnd = fields.enter(5);
  const keyEnd = fields.enter(1);
  const key = fields.fixed(1, KEY_BYTES);
  fields.endsAt(keyEnd);
  const joined = fields.number(2);
  fields.endsAt(laneEnd);
  fields.endsAt(headerEnd);
  fields.at = fields.enter(2);
  fields.endsAt(blockEnd);
  const sigEnd = fields.enter(2);
  const signerEnd = fields.enter(1);
  fields.fixed(1, KEY_BYTES);
  fields.endsAt(signerEnd);
  fields.fixed(2, SIGNATURE_BYTES);
  fields.endsAt(sigEnd);
  fields.endsAt(bytes.length);
  if (!fields.isMet) return undefined;
  const header = {
    lane: laneIdOf(fields.bytes.subarray(key, key + KEY_BYTES), BigInt(joined)),
    blockNumber: BigInt(number),
    parentHash: fields.bytes.slice(parentHash, parentHash + HASH_BYTES),
    payloadHash: fields.bytes.slice(payloadHash, payloadHash + HASH_BYTES),
  };
  return { header, canonical: fields.bytes.subarray(headerBegin, headerEnd) };
}

/** Bytes of a number that a `number` holds exactly; longer ones go the long way. */
const NUMBER_BYTES_MAX = 7;

/**
 * Reads fields that are expected one after the other. It remembers that an expectation was not met. The
 * values that it reads after that have no meaning.
 */
class OrderedFields {
  readonly bytes: Uint8Array;
  at = 0;
  isMet = true;

  constructor(bytes: Uint8Array) {
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Enters a message or byte string, and returns its end. */
  enter(field: number): number {
    this.#byte(field * 8 + WIRE_BYTES);
    const length = this.#varint();
    return this.at + length;
  }

  endsAt(end: number): void {
    if (this.at !== end) this.isMet = false;
  }

  number(field: number): number {
    this.#byte(field * 8 + WIRE_VARINT);
    return this.#varint();
  }

  /** Skips a byte string of `length` bytes, fewer than 128, and returns its begin. */
  fixed(field: number, length: number): number {
    this.#byte(field * 8 + WIRE_BYTES);
    this.#byte(length);
    this.at += length;
    return this.at - length;
  }

  #byte(expected: number): void {
    if (this.bytes[this.at] !== expected) this.isMet = false;
    this.at++;
  }

  /** A number that is not written in the fewest bytes is not canonical. */
  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < NUMBER_BYTES_MAX; count++) {
      const byte = this.bytes[this.at] ?? 0;
      this.at++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && count > 0) this.isMet = false;
        return value;
      }
      scale *= 128;
    }
    this.isMet = false;
    return 0;
  }
}
