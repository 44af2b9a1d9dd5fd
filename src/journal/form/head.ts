/**
 * A segment's head: the manifest of the whole journal at the moment the segment began.
 *
 * The newest valid head settles which segments must exist, where each log starts and goes on (also
 * after everything in it was truncated), and what was dropped: a log that it does not list is gone.
 *
 * ```
 *   8   "LKSEGMT1"          16  store id           8 sequence       8 first LSN
 *   4   format version      8   generation         32 salt          8 anchor sequence
 *   4   bytes in the head   8   vote sequence      4+ seal (head-seal.ts)      4 next log number
 *   4   count of live sealed segments, then each:  4 slot, 8 sequence, 8 first LSN, 8 next LSN,
 *                                                  4 end of its records (bytes), 4 end chain value
 *   4   count of segments that are retained since this head, then each the same
 *   4   bytes of a bit map of all slots with a retained segment: slot s is bit s % 8 of byte s / 8
 *   4   count of logs, then each:  4 log number, 1+n name, 8 first, 8 next, 32 tip hash
 *   4   CRC-32C of all before it
 * ```
 */
import { ByteReader, ByteWriter, FormatError } from "../../codec/binary.js";
import { crc32c } from "../../codec/crc32c.js";
import { assert } from "../../types/assert.js";
import {
  FORMAT_VERSION,
  type HeadSeal,
  readSeal,
  SEAL_BYTES,
  SEALED_FORMAT_VERSION,
  versionOf,
  writeSeal,
} from "./head-seal.js";
import { BLOCK_BYTES } from "./records.js";

export const STORE_ID_BYTES = 16;
export const SALT_BYTES = 32;
export const HASH_BYTES = 32;

const MAGIC = "LKSEGMT1";
const LENGTH_OFFSET = 12;
/** A head of the most lanes that a committee can have, over several epochs, is far below this. */
export const HEAD_BYTES_MAX = 1 << 20;
/** Heads may take one part in so many of the smallest segment, in whole blocks. */
const HEAD_SHARE = 4;
/** Appends and new logs fill a head up to this half: the rest is for later opens, which add a segment each. */
const HEAD_SHARE_MAX = HEAD_BYTES_MAX / 2;

/** Bytes of a head that lists nothing, and bytes that a listed log takes beside its name. */
const EMPTY_HEAD_BYTES = 132;
const LOG_ENTRY_BYTES = 53;
/** Bytes that a head takes for each segment that it lists. */
export const SEALED_SEGMENT_BYTES = 36;

/**
 * The bytes that every head may take in a store whose segments have `segmentBytes` or more. The share
 * does not depend on what a head lists, so every segment has room for the same largest record.
 */
export function headBytesMax(segmentBytes: number): number {
  const share = Math.floor(segmentBytes / HEAD_SHARE / BLOCK_BYTES) * BLOCK_BYTES;
  return Math.min(HEAD_SHARE_MAX, Math.max(BLOCK_BYTES, share));
}

/**
 * Bytes of a head that lists so many segments in full, and logs that take `logBytes` of it. Room for a
 * seal is always reckoned: to give keys to a store makes nothing too large for its heads.
 */
export function headBytes(segments: number, logBytes: number, mapBytes = 0): number {
  return EMPTY_HEAD_BYTES + SEAL_BYTES + segments * SEALED_SEGMENT_BYTES + mapBytes + logBytes;
}

/** Bytes of the bit map of these slots: a bit for each slot up to the highest. */
export function slotMapBytes(slots: readonly number[]): number {
  return slots.reduce((bytes, slot) => Math.max(bytes, (slot >>> 3) + 1), 0);
}

/** Bytes that a log of this name takes of a head. */
export function logEntryBytes(name: string): number {
  return LOG_ENTRY_BYTES + name.length;
}

/** A sealed segment, and the slot in which it lies. */
export interface RetainedSegment {
  readonly slot: number;
  readonly sequence: bigint;
}

/** A sealed segment and its end. LSNs are [firstLsn, nextLsn). */
export interface SealedSegment extends RetainedSegment {
  readonly firstLsn: bigint;
  readonly nextLsn: bigint;
  readonly endOffset: number;
  readonly endChain: number;
}

/** A log's name and live range [first, next). `tip` is the hash that came with record next - 1. */
export interface LogEntry {
  readonly log: number;
  readonly name: string;
  readonly first: bigint;
  readonly next: bigint;
  readonly tip: Uint8Array;
}

/** The front of a head: which segment it begins, and where the chain of its records starts. */
export interface HeadFront {
  readonly storeId: Uint8Array;
  readonly generation: bigint;
  readonly sequence: bigint;
  readonly salt: Uint8Array;
  readonly firstLsn: bigint;
  /** With which key the payloads of the segment are sealed; `undefined` where they are plain. */
  readonly seal: HeadSeal | undefined;
}

export interface Head extends HeadFront {
  /** Sequences of the newest anchor and vote that were acknowledged when the segment began. */
  readonly anchorSeq: bigint;
  readonly voteSeq: bigint;
  readonly nextLog: number;
  /** Those with live records, in the order of their sequences: each must verify, or open refuses. */
  readonly sealed: readonly SealedSegment[];
  /** Those that are retained for what was pruned, and that the head before this one did not retain. */
  readonly ended: readonly SealedSegment[];
  /**
   * The slots of all segments that are retained for what was pruned, ascending. Nothing in them is
   * promised. A bit each: heads do not grow with what is retained.
   */
  readonly retainedSlots: readonly number[];
  readonly logs: readonly LogEntry[];
}

/** Why the first bytes of a slot are no head that can be read. */
type NoHead =
  | { readonly status: "too-new"; readonly version: number }
  | { readonly status: "none"; readonly reason: string };

/** The head in the first bytes of a slot. */
export type HeadFound =
  | { readonly status: "head"; readonly head: Head; readonly bytes: Uint8Array }
  | NoHead;

/** The front of the head in the first bytes of a slot; all of the head was checked. */
export type FrontFound =
  | { readonly status: "front"; readonly head: HeadFront; readonly headBytes: number }
  | NoHead;

export function encodeHead(head: Head): Uint8Array {
  const writer = new ByteWriter();
  for (let index = 0; index < MAGIC.length; index++) writer.u8(MAGIC.charCodeAt(index));
  writer.u32(versionOf(head.seal)).u32(0).bytes(head.storeId);
  writer.u64(head.generation).u64(head.sequence).bytes(head.salt);
  writer.u64(head.firstLsn).u64(head.anchorSeq).u64(head.voteSeq);
  writeSeal(writer, head.seal);
  writer.u32(head.nextLog);
  for (const segments of [head.sealed, head.ended]) writeSegments(writer, segments);
  writeSlotMap(writer, head.retainedSlots);
  writer.u32(head.logs.length);
  for (const entry of head.logs) {
    assert(entry.first <= entry.next, "a log's first is not above its next");
    writer.u32(entry.log).text(entry.name).u64(entry.first).u64(entry.next).bytes(entry.tip);
  }
  const bytes = Buffer.alloc(writer.length + 4);
  bytes.set(writer.result());
  bytes.writeUInt32LE(bytes.length, LENGTH_OFFSET);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, -4)), bytes.length - 4);
  assert(bytes.length <= HEAD_BYTES_MAX, "a head stays below its largest size");
  return bytes;
}

function writeSegments(writer: ByteWriter, segments: readonly SealedSegment[]): void {
  writer.u32(segments.length);
  for (const segment of segments) {
    writer.u32(segment.slot).u64(segment.sequence).u64(segment.firstLsn).u64(segment.nextLsn);
    writer.u32(segment.endOffset).u32(segment.endChain);
  }
}

function writeSlotMap(writer: ByteWriter, slots: readonly number[]): void {
  const map = Buffer.alloc(slotMapBytes(slots));
  for (const slot of slots) map[slot >>> 3] = (map[slot >>> 3] ?? 0) | (1 << (slot & 7));
  writer.u32(map.length).bytes(map);
}

function readSlotMap(reader: ByteReader): number[] {
  const map = reader.bytes(reader.u32());
  const slots: number[] = [];
  for (const [index, byte] of map.entries()) {
    for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) slots.push(index * 8 + bit);
  }
  return slots;
}

/** Length that the head at the start of `prefix` claims, or `undefined` where no head begins. */
export function claimedHeadBytes(prefix: Uint8Array): number | undefined {
  if (prefix.length < LENGTH_OFFSET + 4) return undefined;
  const buffer = Buffer.from(prefix.buffer, prefix.byteOffset, prefix.length);
  if (buffer.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  const length = buffer.readUInt32LE(LENGTH_OFFSET);
  return length >= LENGTH_OFFSET + 8 && length <= HEAD_BYTES_MAX ? length : undefined;
}

/** Checks the head in `bytes`, exactly as long as the head claims, and decodes its front. Total. Copies. */
export function decodeFront(bytes: Uint8Array): FrontFound {
  if (claimedHeadBytes(bytes) !== bytes.length) return { status: "none", reason: "no head here" };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.readUInt32LE(bytes.length - 4) !== crc32c(bytes.subarray(0, -4))) {
    return { status: "none", reason: "checksum mismatch in the head" };
  }
  const version = buffer.readUInt32LE(MAGIC.length);
  if (version > SEALED_FORMAT_VERSION) return { status: "too-new", version };
  if (version < FORMAT_VERSION) return { status: "none", reason: `format ${version} is too old` };
  return decoded(() => {
    const head = readFront(new ByteReader(bytes.subarray(0, -4)));
    return { status: "front", head, headBytes: bytes.length };
  });
}

/** Decodes the head in `bytes`, exactly as long as the head claims. Total. Copies. */
export function decodeHead(bytes: Uint8Array): HeadFound {
  const front = decodeFront(bytes);
  if (front.status !== "front") return front;
  return decoded(() => ({ status: "head", head: readHead(bytes), bytes: Uint8Array.from(bytes) }));
}

function decoded<Found>(decode: () => Found): Found | NoHead {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    return { status: "none", reason: `${cause.message} at byte ${cause.offset} of the head` };
  }
}

function readFront(
  reader: ByteReader,
): HeadFront & Pick<Head, "anchorSeq" | "voteSeq" | "nextLog"> {
  reader.bytes(MAGIC.length);
  const version = reader.u32();
  reader.u32();
  const storeId = reader.bytes(STORE_ID_BYTES);
  const generation = reader.u64();
  const sequence = reader.u64();
  const salt = reader.bytes(SALT_BYTES);
  const firstLsn = reader.u64();
  const anchorSeq = reader.u64();
  const voteSeq = reader.u64();
  const seal = readSeal(reader, version);
  const nextLog = reader.u32();
  return { storeId, generation, sequence, salt, firstLsn, seal, anchorSeq, voteSeq, nextLog };
}

function readHead(bytes: Uint8Array): Head {
  const reader = new ByteReader(bytes.subarray(0, -4));
  const front = readFront(reader);
  const sealed = readList(reader, () => readSegment(reader));
  const ended = readList(reader, () => readSegment(reader));
  const retainedSlots = readSlotMap(reader);
  const logs = readList(reader, () => readLogEntry(reader));
  reader.end();
  return { ...front, sealed, ended, retainedSlots, logs };
}

function readList<Item>(reader: ByteReader, readItem: () => Item): Item[] {
  const items: Item[] = [];
  for (let left = reader.u32(); left > 0; left--) items.push(readItem());
  return items;
}

function readSegment(reader: ByteReader): SealedSegment {
  return {
    slot: reader.u32(),
    sequence: reader.u64(),
    firstLsn: reader.u64(),
    nextLsn: reader.u64(),
    endOffset: reader.u32(),
    endChain: reader.u32(),
  };
}

function readLogEntry(reader: ByteReader): LogEntry {
  const entry = {
    log: reader.u32(),
    name: reader.text(),
    first: reader.u64(),
    next: reader.u64(),
    tip: reader.bytes(HASH_BYTES),
  };
  if (entry.first > entry.next) reader.fail("a log's first is above its next");
  return entry;
}
