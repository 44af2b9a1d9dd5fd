/**
 * The journal on disk, in one place. All integers little-endian, all checksums CRC-32C.
 *
 * ```
 * journal/NNNN.seg   a slot: a file of fixed size, made of zeros, overwritten in place ever after
 *
 *   0        head (head.ts): the manifest of the whole journal at the moment this segment began
 *   start    groups, back to back; start = end of the head rounded up to 4096
 *
 * group, begins at a multiple of 4096
 *            records, back to back
 *            PAD, where the last record does not end at a multiple of 4096: up to the next one
 *            FOOTER (footer.ts), in blocks of its own, with zeros up to a multiple of 4096
 *
 * So a block of 4096 bytes never holds bytes of two groups, or of a footer and anything else.
 *
 * record
 *   0   u32  header checksum: over bytes 4..40, going on from the chain value before this record
 *   4   u32  payload length
 *   8   u32  payload checksum
 *   12  u8   type; bit 7 set: optional, a reader that does not know it skips and keeps it
 *   13  u8   1 where more of its batch follows: it counts only together with the next record; else 0
 *   14  u16  0
 *   16  u64  LSN
 *   24  u32  log: the number that a head or an OPEN record gave to the log's name; RELEASE: the slot
 *   28  u32  0
 *   32  u64  number: APPEND, COPY the record's number in its log; TRUNCATE the new first;
 *            RELEASE the sequence of the segment; FOOTER the first LSN of its group; else 0
 *   40       payload
 * ```
 *
 * The chain value before the first record is the CRC-32C of the head's salt; after a record it is
 * that record's header checksum. A stale record of a recycled slot, and a swapped, duplicated or
 * misdirected sector, so never continues the chain. LSNs rise by one from record to record of a
 * segment, jump only at heads, and are never used twice.
 */
import { writeU64 } from "../../codec/binary.js";
import { crc32c, crc32cOfRange } from "../../codec/crc32c.js";

/** Each type of record, and its effect on its log. Values are on disk and never change. */
export const recordType = {
  /** Gives the payload (ASCII) as the name of log `log`, which starts at `number`. */
  open: 1,
  /** The record `number` of the log; the payload is the caller's. */
  append: 2,
  /** Every record below `number` is forgotten; where `number` is above next, next rises to it. */
  truncate: 3,
  /** The log and all its records are forgotten. Its log number is never given again. */
  drop: 4,
  /** The live record `number` of the log once more, equal to the byte: it may leave where it lay. */
  copy: 5,
  /** The sealed segment with sequence `number` holds nothing that is needed: its slot is free. */
  release: 6,
  /** Zeros up to the block in which the footer of the group begins. */
  pad: 7,
  /** The end of a group: what the group holds, from LSN `number` to its own. */
  footer: 8,
} as const;

/** Whether a record is one of a log: it has a number, and a payload of the caller's. */
export function isOfLog({ type }: { readonly type?: number | undefined }): boolean {
  return type === recordType.append || type === recordType.copy;
}

/** Set in the type of a record that a reader may skip without knowing it. */
export const OPTIONAL_TYPE_BIT = 0x80;

/** In the four bytes that begin with the type. */
export const MORE_FLAG = 1 << 8;

export const RECORD_HEADER_BYTES = 40;

/** Heads end, and records begin, at a multiple of this: a head is never in a block with records. */
export const BLOCK_BYTES = 4096;

/** Most records that one group may hold beside its PAD and its footer. */
export const GROUP_RECORDS_MAX = 1024;

/** LSNs of the largest group: its PAD and its footer have one each. */
export const GROUP_LSNS_MAX = GROUP_RECORDS_MAX + 2;

/** Most bytes that one group may hold, unless a single record or batch is larger. */
export const GROUP_BYTES_MAX = 16 * 1024 * 1024;

/** The smallest group: a block for its records, and one for its footer. */
export const GROUP_BYTES_MIN = 2 * BLOCK_BYTES;

/**
 * Room at the end of each segment that appends leave to truncations, drops and releases (D9). Each of
 * their groups takes two blocks: it is enough for two of them.
 */
export const SEGMENT_RESERVE_BYTES = 2 * GROUP_BYTES_MIN;

export interface RecordHeader {
  readonly headerCrc: number;
  readonly payloadLength: number;
  readonly payloadCrc: number;
  readonly type: number;
  /** It counts only together with the next record. */
  readonly more: boolean;
  readonly lsn: bigint;
  readonly log: number;
  readonly number: bigint;
}

/** The chain value before the first record of a segment. */
export function chainStart(salt: Uint8Array): number {
  return crc32c(salt);
}

/** Writes a record's header at `offset` of `target` and returns the chain value after the record. */
export function writeRecordHeader(
  target: Buffer,
  offset: number,
  chain: number,
  fields: Omit<RecordHeader, "headerCrc">,
): number {
  target.writeUInt32LE(fields.payloadLength, offset + 4);
  target.writeUInt32LE(fields.payloadCrc, offset + 8);
  target.writeUInt32LE(fields.type | (fields.more ? MORE_FLAG : 0), offset + 12);
  writeU64(target, fields.lsn, offset + 16);
  target.writeUInt32LE(fields.log, offset + 24);
  target.writeUInt32LE(0, offset + 28);
  writeU64(target, fields.number, offset + 32);
  const headerCrc = expectedHeaderCrc(target, offset, chain);
  target.writeUInt32LE(headerCrc, offset);
  return headerCrc;
}

/** Reads the header at `offset`, whatever it holds; the caller checks it. */
export function readRecordHeader(bytes: Buffer, offset: number): RecordHeader {
  return {
    headerCrc: bytes.readUInt32LE(offset),
    payloadLength: bytes.readUInt32LE(offset + 4),
    payloadCrc: bytes.readUInt32LE(offset + 8),
    type: bytes.readUInt8(offset + 12),
    more: bytes.readUInt8(offset + 13) === 1,
    lsn: bytes.readBigUInt64LE(offset + 16),
    log: bytes.readUInt32LE(offset + 24),
    number: bytes.readBigUInt64LE(offset + 32),
  };
}

/** The checksum that the header at `offset` should carry behind `chain`. */
export function expectedHeaderCrc(bytes: Buffer, offset: number, chain: number): number {
  return crc32cOfRange(bytes, offset + 4, offset + RECORD_HEADER_BYTES, chain);
}

/** The first multiple of the block size that is not below `bytes`. */
export function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** The place at which the first group begins, behind a head of `headBytes`. */
export function recordsStart(headBytes: number): number {
  return wholeBlocks(headBytes);
}

/** Bytes of the PAD behind records that take `bytes`; 0 where none is needed. */
export function padBytes(bytes: number): number {
  if (bytes % BLOCK_BYTES === 0) return 0;
  return wholeBlocks(bytes + RECORD_HEADER_BYTES) - bytes;
}

/** The file name of a slot. */
export function slotName(slot: number): string {
  return `${String(slot).padStart(4, "0")}.seg`;
}

/** The slot that a file name stands for, or `undefined` for a foreign name. */
export function slotOfName(name: string): number | undefined {
  return /^\d{4,9}\.seg$/.test(name) && slotName(Number.parseInt(name, 10)) === name
    ? Number.parseInt(name, 10)
    : undefined;
}
