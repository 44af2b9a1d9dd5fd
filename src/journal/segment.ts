/**
 * Slots and the records in them: making a slot, finding its head, and walking a chain of records.
 */
import { crc32c } from "../codec/crc32c.js";
import type { Disk, DirectoryEntry, DiskFile } from "../disk/disk.js";
import { PersisterError } from "../types/errors.js";
import {
  expectedHeaderCrc,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  readRecordHeader,
  slotName,
  slotOfName,
} from "./format.js";
import { claimedHeadBytes, decodeHead, type HeadFound } from "./head.js";

const PROBE_BYTES = 4096;
const ZEROS = Buffer.alloc(1024 * 1024);

/** An open slot file. */
export interface Slot {
  readonly slot: number;
  readonly file: DiskFile;
  readonly bytes: number;
}

/** Where a record's payload lies. `offset` is of the payload, its header lies just before. */
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
  // A full disk may have left it half made.
  const file = (await disk.openToWrite(path)) ?? (await disk.create(path));
  try {
    await fillWithZeros(file, 0, bytes);
    await disk.syncDirectory(directory);
  } catch (error) {
    await file.close();
    throw error;
  }
  return { slot, file, bytes };
}

/** Gives a slot that a crash left short its full size again. */
export async function completeSlot(slot: Slot, bytes: number): Promise<Slot> {
  if (slot.bytes >= bytes) return slot;
  await fillWithZeros(slot.file, slot.bytes, bytes);
  return { ...slot, bytes };
}

/** Opens every slot of the journal; names that are not slots are returned as foreign. */
export async function openSlots(
  disk: Disk,
  directory: string,
): Promise<{ readonly slots: readonly Slot[]; readonly foreign: readonly string[] }> {
  const entries = await disk.list(directory);
  if (!entries) {
    throw new PersisterError("JOURNAL_CORRUPT", `${directory}: the journal's folder is missing`, {
      file: directory,
    });
  }
  const opened = await Promise.allSettled(entries.map((entry) => openSlot(disk, directory, entry)));
  const slots = opened.flatMap((each) => (each.status === "fulfilled" && each.value) || []);
  const failed = opened.find((each) => each.status === "rejected");
  if (failed) {
    for (const slot of slots) await slot.file.close();
    throw failed.reason;
  }
  const isForeign = (_: unknown, index: number): boolean => {
    const each = opened[index];
    return each?.status === "fulfilled" && each.value === undefined;
  };
  const foreign = entries.filter(isForeign).map(({ name }) => `${directory}/${name}`);
  return { slots, foreign };
}

/** Opens one entry of the journal's folder; `undefined` where it is no slot. */
export async function openSlot(
  disk: Disk,
  directory: string,
  entry: DirectoryEntry,
): Promise<Slot | undefined> {
  const slot = entry.kind === "file" ? slotOfName(entry.name) : undefined;
  if (slot === undefined) return undefined;
  const file = await disk.openToWrite(`${directory}/${entry.name}`);
  return file && { slot, file, bytes: await file.size() };
}

/** The head at the start of a slot. */
export async function readHead(slot: Slot): Promise<HeadFound> {
  const probe = await slot.file.read(0, PROBE_BYTES);
  const bytes = claimedHeadBytes(probe);
  if (bytes === undefined) return { status: "none", reason: "no head at its start" };
  if (bytes <= probe.length) return decodeHead(probe.subarray(0, bytes));
  return decodeHead(await slot.file.read(0, bytes));
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

/** Where a chain of records ends, and why it goes no further. */
export interface ChainEnd extends ChainPlace {
  readonly reason: string;
  /** The header at the end, unproven, where it reads like one: for naming what is damaged. */
  readonly suspect: RecordHeader | undefined;
}

/** What a place in a chain holds. */
export type RecordFound =
  | { readonly status: "record"; readonly record: WalkedRecord; readonly next: ChainPlace }
  /** `next` is where the chain goes on all the same: the header is proven, its payload is not. */
  | { readonly status: "broken"; readonly end: ChainEnd; readonly next: ChainPlace | undefined };

/** The record at `place` of `buffer`, which is the segment from its byte 0, or why none is there. */
export function recordAt(buffer: Buffer, place: ChainPlace): RecordFound {
  const { offset, chain, nextLsn } = place;
  const broken = (reason: string, suspect?: RecordHeader, next?: ChainPlace): RecordFound => ({
    status: "broken",
    end: { offset, chain, nextLsn, reason, suspect },
    next,
  });
  if (offset + RECORD_HEADER_BYTES > buffer.length) return broken("the segment is full");
  const header = readRecordHeader(buffer, offset);
  if (header.headerCrc !== expectedHeaderCrc(buffer, offset, chain)) {
    return broken("no header continues the chain", header.lsn === nextLsn ? header : undefined);
  }
  const payloadStart = offset + RECORD_HEADER_BYTES;
  const payloadEnd = payloadStart + header.payloadLength;
  if (header.lsn !== nextLsn) return broken("the LSN does not follow", header);
  const next = { offset: payloadEnd, chain: header.headerCrc, nextLsn: nextLsn + 1n };
  if (payloadEnd > buffer.length) return broken("the payload runs over the segment", header, next);
  const payload = buffer.subarray(payloadStart, payloadEnd);
  if (crc32c(payload) !== header.payloadCrc) {
    return broken("payload checksum mismatch", header, next);
  }
  return { status: "record", record: { ...header, offset, payload }, next };
}

/**
 * Walks the records of a segment: `bytes` is the segment from its byte 0, `from` where to start,
 * `chain` and `nextLsn` what must come there. Calls `visit` for each proven record, in order.
 */
export function walkRecords(
  bytes: Uint8Array,
  from: ChainPlace,
  visit: (record: WalkedRecord) => void,
): ChainEnd {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let place = from; ; ) {
    const found = recordAt(buffer, place);
    if (found.status === "broken") return found.end;
    visit(found.record);
    place = found.next;
  }
}

async function fillWithZeros(file: DiskFile, from: number, to: number): Promise<void> {
  for (let position = from; position < to; position += ZEROS.length) {
    await file.writeDurable(position, [ZEROS.subarray(0, Math.min(ZEROS.length, to - position))]);
  }
}
