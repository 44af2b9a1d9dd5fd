/**
 * The bytes of one log file, version 1 of sei-chain's write-ahead log:
 *
 *   file    [53 45 49 57 4c "SEIWL"][01 version] record...
 *   record  [index, uvarint][payload length, uvarint][payload][CRC-32 of all before it, 4 bytes BE]
 *
 * The CRC is the IEEE one. There is no footer: a file ends with its last record. Varints need not be
 * minimal; a file shorter than its header holds nothing, whatever its bytes are.
 */
import { crc32 } from "@node-rs/crc32";
import { type Cursor, Malformed, readVarint } from "../../wire/codec/cursor.js";
import { StateError } from "./state-error.js";

const MAGIC = Uint8Array.of(0x53, 0x45, 0x49, 0x57, 0x4c);
const VERSION = 1;
export const HEADER_BYTES = MAGIC.length + 1;
const CRC_BYTES = 4;
const VARINT_BITS = 7n;

/** The bytes that every file begins with. */
export function logHeader(): Uint8Array {
  return Uint8Array.of(...MAGIC, VERSION);
}

export interface FramedRecord {
  readonly index: bigint;
  /** A view of the file's bytes. */
  readonly payload: Uint8Array;
  /** The byte of its file at which the record begins. */
  readonly offset: number;
  /** Just past the record. */
  readonly end: number;
}

/** The end of the intact records, if it is not the end of the file. */
export interface Fault {
  readonly offset: number;
  readonly detail: string;
}

/**
 * The intact records of a file, in order. Returns the fault that stopped it before the end of `bytes`, if
 * there is one: a torn tail in a file that was being written, damage in one that was sealed. Every
 * payload is a view of `bytes`.
 *
 * @throws {StateError} `magic` or `version`.
 */
export function* recordsOf(
  bytes: Uint8Array,
  file: string,
): Generator<FramedRecord, Fault | undefined, void> {
  if (bytes.length < HEADER_BYTES) return undefined;
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) {
    throw new StateError("magic", "it does not begin as a log file does", { file, offset: 0 });
  }
  const version = bytes[MAGIC.length] as number;
  if (version !== VERSION) {
    const detail = `version ${version} of the log format is not known`;
    throw new StateError("version", detail, { file, offset: MAGIC.length });
  }
  let offset = HEADER_BYTES;
  while (offset < bytes.length) {
    const record = recordAt(bytes, offset);
    if (typeof record === "string") return { offset, detail: record };
    yield record;
    offset = record.end;
  }
  return undefined;
}

/** The record at `offset`, or the reason that there is none. */
function recordAt(bytes: Uint8Array, offset: number): FramedRecord | string {
  const cursor: Cursor = { bytes, at: offset, end: bytes.length };
  const index = varintAt(cursor);
  if (index === undefined) return "the index of a record is torn";
  const length = varintAt(cursor);
  if (length === undefined) return "the length of a record is torn";
  const start = cursor.at;
  if (length + BigInt(CRC_BYTES) > BigInt(bytes.length - start)) return "a record is cut off";
  const end = start + Number(length);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.readUInt32BE(end) !== crc32(view.subarray(offset, end))) {
    return "the CRC of a record does not match";
  }
  return { index, payload: bytes.subarray(start, end), offset, end: end + CRC_BYTES };
}

function varintAt(cursor: Cursor): bigint | undefined {
  try {
    return readVarint(cursor);
  } catch (cause) {
    if (cause instanceof Malformed) return undefined;
    throw cause;
  }
}

/** The bytes of a record. Copies `payload`. */
export function frameRecord(index: bigint, payload: Uint8Array): Uint8Array {
  const head = [...varint(index), ...varint(BigInt(payload.length))];
  const record = Buffer.alloc(head.length + payload.length + CRC_BYTES);
  record.set(head);
  record.set(payload, head.length);
  const end = head.length + payload.length;
  record.writeUInt32BE(crc32(record.subarray(0, end)), end);
  return record;
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 1n << VARINT_BITS; rest >>= VARINT_BITS) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return bytes;
}
