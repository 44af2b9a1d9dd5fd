/**
 * Slots and the records in them: making a slot, finding its head, and walking a chain of records.
 */
import { crc32c } from "../../codec/crc32c.js";
import type { Disk, DiskFile, WriteWay } from "../../disk/disk.js";
import { fillHoles } from "../../disk/holes.js";
import {
  chainStart,
  expectedHeaderCrc,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  readRecordHeader,
  recordsStart,
  slotName,
} from "../form/records.js";
import {
  claimedHeadBytes,
  decodeFront,
  decodeHead,
  type FrontFound,
  type HeadFound,
  type HeadFront,
  type SealedSegment,
} from "../form/head.js";

const PROBE_BYTES = 4096;
const ZEROS = Buffer.alloc(1024 * 1024);

/** An open slot file. */
export interface Slot {
  readonly slot: number;
  readonly file: DiskFile;
  readonly bytes: number;
  /** It had holes when it was opened: a write into it may find the disk full. */
  readonly isHollow: boolean;
  /** Another name led to the file when it was opened. */
  readonly isLinked: boolean;
}

/** The place of a record's payload. `offset` is of the payload; its header lies just before. */
export interface Pointer {
  readonly slot: number;
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}

/**
 * Makes slot `slot` of `bytes` zeros. Its blocks are written and its name is durable when resolved,
 * so that no later group waits for a block allocation. If we stop here, recovery sees a slot without
 * a head, which is free space.
 */
export async function makeSlot(
  disk: Disk,
  directory: string,
  slot: number,
  bytes: number,
): Promise<Slot> {
  const path = `${directory}/${slotName(slot)}`;
  // A full disk may have left it half made, or its folder's flush may have failed, which no later one
  // makes up for (D7): only a new name is a name to be flushed.
  if ((await disk.kind(path)) !== undefined) await disk.remove(path);
  const file = await disk.create(path);
  try {
    await fillWithZeros(file, 0, bytes);
    await disk.syncDirectory(directory);
  } catch (error) {
    await file.close();
    throw error;
  }
  return { slot, file, bytes, isHollow: false, isLinked: false };
}

/** A free slot that a crash left short, or that has holes, gets what it lacks. */
export async function completeSlot(slot: Slot, bytes: number): Promise<Slot> {
  if (slot.isHollow) await fillHoles(slot.file);
  await fillWithZeros(slot.file, slot.bytes, bytes);
  return { ...slot, bytes: Math.max(slot.bytes, bytes), isHollow: false };
}

/** The head at the start of a slot. */
export async function readHead(slot: Slot): Promise<HeadFound> {
  return decodeHead(await headBytesOf(slot));
}

/** The front of the head at the start of a slot; all of the head is checked. */
export async function readFront(slot: Slot, way: WriteWay = "pool"): Promise<FrontFound> {
  return decodeFront(await headBytesOf(slot, way));
}

/** The bytes of a head, if they claim to be one. */
async function headBytesOf({ file }: Slot, way: WriteWay = "pool"): Promise<Uint8Array> {
  const probe = await file.read(0, PROBE_BYTES, Buffer.allocUnsafe(PROBE_BYTES), way);
  const bytes = claimedHeadBytes(probe) ?? 0;
  if (bytes <= probe.length) return probe.subarray(0, bytes);
  return await file.read(0, bytes, Buffer.allocUnsafe(bytes), way);
}

/** A record found in a chain; `payload` is valid only as long as the bytes that were walked. */
export interface WalkedRecord extends RecordHeader {
  readonly offset: number;
  readonly payload: Uint8Array;
}

/** A place in a chain of records: where the next one begins, and what it must carry. */
export interface ChainPlace {
  readonly offset: number;
  readonly chain: number;
  readonly nextLsn: bigint;
}

/** The place of the first record behind a head of `headBytes` bytes. */
export function firstPlace({ salt, firstLsn }: HeadFront, headBytes: number): ChainPlace {
  return { offset: recordsStart(headBytes), chain: chainStart(salt), nextLsn: firstLsn };
}

/** Whether a walk ended where a head says that the segment ends. */
export function endsAsListed(end: ChainPlace, segment: SealedSegment): boolean {
  return (
    end.nextLsn === segment.nextLsn &&
    end.offset === segment.endOffset &&
    end.chain === segment.endChain
  );
}

/** The place of a record's payload. `offset` is that of its header. */
export function pointerTo(
  slot: number,
  record: RecordHeader & { readonly offset: number },
): Pointer {
  const { offset, payloadLength: length, payloadCrc: crc } = record;
  return { slot, offset: offset + RECORD_HEADER_BYTES, length, crc };
}

/** The end of a chain of records, and why the chain goes no further. */
export interface ChainEnd extends ChainPlace {
  readonly reason: string;
  /** The header at the end, unproven, where it reads like one: for naming what is damaged. */
  readonly suspect: RecordHeader | undefined;
}

/** The content of a place in a chain. */
export type RecordFound =
  | { readonly status: "record"; readonly record: WalkedRecord; readonly next: ChainPlace }
  | {
      readonly status: "broken";
      readonly end: ChainEnd;
      /** The place at which the chain goes on all the same: the header is proven, its payload is not. */
      readonly next: ChainPlace | undefined;
      /** Bytes from the place on that a verdict takes, where there are fewer. */
      readonly wants: number | undefined;
    };

/**
 * The record at `place`, or why none is there. `bytes` are those of the segment from its byte `from`
 * on.
 */
export function recordAt(bytes: Buffer, place: ChainPlace, from = 0): RecordFound {
  const { offset, chain, nextLsn } = place;
  const at = offset - from;
  if (at + RECORD_HEADER_BYTES > bytes.length) {
    return broken(place, "the segment is full", { wants: RECORD_HEADER_BYTES });
  }
  const header = readRecordHeader(bytes, at);
  if (header.headerCrc !== expectedHeaderCrc(bytes, at, chain)) {
    const suspect = header.lsn === nextLsn ? { suspect: header } : {};
    return broken(place, "no header continues the chain", suspect);
  }
  if (header.lsn !== nextLsn) return broken(place, "the LSN does not follow", { suspect: header });
  const length = RECORD_HEADER_BYTES + header.payloadLength;
  const next = { offset: offset + length, chain: header.headerCrc, nextLsn: nextLsn + 1n };
  if (at + length > bytes.length) {
    const reason = "the payload runs over the segment";
    return broken(place, reason, { suspect: header, next, wants: length });
  }
  const payload = bytes.subarray(at + RECORD_HEADER_BYTES, at + length);
  if (crc32c(payload) !== header.payloadCrc) {
    return broken(place, "payload checksum mismatch", { suspect: header, next });
  }
  const { headerCrc, payloadLength, payloadCrc, type, more, lsn, log, number } = header;
  const record = {
    headerCrc,
    payloadLength,
    payloadCrc,
    type,
    more,
    lsn,
    log,
    number,
    offset,
    payload,
  };
  return { status: "record", record, next };
}

function broken(
  { offset, chain, nextLsn }: ChainPlace,
  reason: string,
  { suspect, next, wants }: { suspect?: RecordHeader; next?: ChainPlace; wants?: number } = {},
): RecordFound {
  const end = { offset, chain, nextLsn, reason, suspect };
  return { status: "broken", end, next, wants };
}

/** Durable when resolved. */
export async function fillWithZeros(file: DiskFile, from: number, to: number): Promise<void> {
  for (let position = from; position < to; position += ZEROS.length) {
    await file.writeDurable(position, [ZEROS.subarray(0, Math.min(ZEROS.length, to - position))]);
  }
}

/** Whether the first `length` bytes of a file are zeros. */
export async function holdsZeros(file: DiskFile, length: number): Promise<boolean> {
  for (let position = 0; position < length; position += ZEROS.length) {
    const zeros = ZEROS.subarray(0, Math.min(ZEROS.length, length - position));
    if (!zeros.equals(await file.read(position, zeros.length))) return false;
  }
  return true;
}
