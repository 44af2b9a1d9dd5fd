/**
 * A group's footer: its last record, in blocks of its own. It says what the group holds, so that a
 * group which is not there whole is told from one that never was (D6).
 *
 * ```
 * payload of a FOOTER record (records.ts); the record's LSN is the last of its group, its number the first
 *   4  CRC-32C over 32 salt of the head, 8 sequence of the head, 8 offset of this record in the segment,
 *      8 first LSN, 8 last LSN, and the payload from byte 4 on
 *   4  count of logs that the group opened, each:  4 log number, 1+n name
 *   4  count of logs that the group dropped, each the same
 *   4  count of appends that have a header hash, each:  4 log number, 8 number, 32 header hash
 *   8  sequence of the newest mark that was durable when the group began; 0 where it is not told
 *      zeros up to a multiple of 4096
 * ```
 *
 * The checksum at its start makes it known where the chain of records before it is broken. The chain
 * alone could not. Not listed is an append whose log the same group drops. The sequence of the mark tells an
 * old copy of the mark, put back beside a newer journal, from the one that belongs there.
 */
import { ByteReader, ByteWriter, FormatError } from "../../codec/binary.js";
import { crc32c } from "../../codec/crc32c.js";
import { assert } from "../../types/assert.js";
import { HASH_BYTES, SALT_BYTES } from "./head.js";
import {
  BLOCK_BYTES,
  GROUP_RECORDS_MAX,
  readRecordHeader,
  RECORD_HEADER_BYTES,
  recordType,
  wholeBlocks,
} from "./records.js";

const CHECKSUM_BYTES = 4;
const MARK_BYTES = 8;
/** Of a footer that names nothing: its checksum, three counts, and the mark. */
const FIXED_BYTES = CHECKSUM_BYTES + 3 * 4 + MARK_BYTES;
const LOG_BYTES = 5;
const NAME_BYTES_MAX = 255;

/** Bytes that a footer takes for an append with a hash. */
export const NAMED_APPEND_BYTES = 4 + 8 + HASH_BYTES;

/** The largest footer, whatever its group holds: each record names an append, a log, or neither. */
const FOOTER_BYTES_MAX = wholeBlocks(
  RECORD_HEADER_BYTES + FIXED_BYTES + GROUP_RECORDS_MAX * (LOG_BYTES + NAME_BYTES_MAX),
);

/** An append that a footer names. */
export interface NamedAppend {
  readonly log: number;
  readonly number: bigint;
  readonly hash: Uint8Array;
}

/** A log that a footer names. */
export interface NamedLog {
  readonly log: number;
  readonly name: string;
}

/** The content of a footer: its group, in the group's own words. */
export interface FooterNames {
  readonly opened: readonly NamedLog[];
  readonly dropped: readonly NamedLog[];
  readonly appends: readonly NamedAppend[];
}

/** A footer that verifies by its own checksum. LSNs of its group: [firstLsn, lastLsn]. */
export interface Footer extends FooterNames {
  readonly firstLsn: bigint;
  readonly lastLsn: bigint;
  /** The sequence of the newest mark that was durable when the group began; 0 where it is not told. */
  readonly markSequence: bigint;
}

/** The place of a footer: its own checksum is over this. */
export interface FooterPlace {
  /** Of the segment's head. */
  readonly salt: Uint8Array;
  readonly sequence: bigint;
  /** Of the footer's record, in the segment. */
  readonly offset: number;
}

/** Bytes that a footer takes for a log that its group opened or dropped. */
export function namedLogBytes(name: string): number {
  return LOG_BYTES + name.length;
}

/** Bytes of a footer in a segment, its header included, where what it names takes `nameBytes`. */
export function footerBytes(nameBytes: number): number {
  return wholeBlocks(RECORD_HEADER_BYTES + FIXED_BYTES + nameBytes);
}

/** The payload of a footer at `place`. */
export function encodeFooter(footer: Footer, place: FooterPlace): Uint8Array {
  const { opened, dropped, appends, markSequence } = footer;
  // Most footers take one block: then the writer does not grow.
  const writer = new ByteWriter(BLOCK_BYTES - RECORD_HEADER_BYTES);
  writer.u32(0);
  for (const logs of [opened, dropped]) {
    writer.u32(logs.length);
    for (const { log, name } of logs) writer.u32(log).text(name);
  }
  writer.u32(appends.length);
  for (const { log, number, hash } of appends) writer.u32(log).u64(number).bytes(hash);
  writer.u64(markSequence);
  const { length } = writer;
  writer.zeros(wholeBlocks(RECORD_HEADER_BYTES + length) - RECORD_HEADER_BYTES - length);
  const payload = writer.result();
  payload.writeUInt32LE(checksumOf(payload, footer, place));
  assert(
    RECORD_HEADER_BYTES + payload.length <= FOOTER_BYTES_MAX,
    "a footer is of its largest size",
  );
  return payload;
}

/**
 * The footer at `at` of `bytes`, or `undefined` where none verifies by its own checksum. Whether the
 * chain of records leads to it is not looked at.
 */
export function footerAt(bytes: Buffer, at: number, place: FooterPlace): Footer | undefined {
  const length = claimedFooterBytes(bytes, at);
  if (length === undefined || at + length > bytes.length) return undefined;
  const { lsn: lastLsn, number: firstLsn } = readRecordHeader(bytes, at);
  const payload = bytes.subarray(at + RECORD_HEADER_BYTES, at + length);
  const lsns = { firstLsn, lastLsn };
  if (payload.readUInt32LE(0) !== checksumOf(payload, lsns, place)) return undefined;
  try {
    return { ...lsns, ...readContent(payload) };
  } catch (cause) {
    if (cause instanceof FormatError) return undefined;
    throw cause;
  }
}

/** Bytes that a footer at `at` claims to have, with its header; `undefined` where none begins. */
export function claimedFooterBytes(bytes: Buffer, at: number): number | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined;
  if (bytes[at + 12] !== recordType.footer) return undefined;
  const { payloadLength, lsn, number } = readRecordHeader(bytes, at);
  const length = RECORD_HEADER_BYTES + payloadLength;
  const isFooter = length % BLOCK_BYTES === 0 && length <= FOOTER_BYTES_MAX && number <= lsn;
  return isFooter ? length : undefined;
}

function readContent(payload: Uint8Array): Omit<Footer, "firstLsn" | "lastLsn"> {
  const reader = new ByteReader(payload);
  reader.u32();
  const readLogs = (): NamedLog[] => {
    const logs: NamedLog[] = [];
    for (let left = reader.u32(); left > 0; left--) {
      logs.push({ log: reader.u32(), name: reader.text() });
    }
    return logs;
  };
  const opened = readLogs();
  const dropped = readLogs();
  const appends: NamedAppend[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    appends.push({ log: reader.u32(), number: reader.u64(), hash: reader.bytes(HASH_BYTES) });
  }
  // Earlier footers have no such field, and zeros, or nothing, in its place.
  const markSequence = reader.offset + MARK_BYTES <= payload.length ? reader.u64() : 0n;
  return { opened, dropped, appends, markSequence };
}

function checksumOf(
  payload: Buffer,
  { firstLsn, lastLsn }: Pick<Footer, "firstLsn" | "lastLsn">,
  { salt, sequence, offset }: FooterPlace,
): number {
  const start = new ByteWriter(SALT_BYTES + 4 * 8).bytes(salt);
  start.u64(sequence).u64(BigInt(offset)).u64(firstLsn).u64(lastLsn);
  return crc32c(payload.subarray(CHECKSUM_BYTES), crc32c(start.result()));
}
