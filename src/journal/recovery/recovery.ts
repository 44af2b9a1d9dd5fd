/**
 * Recovery: from the files of a journal to exactly what it holds, or a refusal that names lane,
 * number and file (D5). Nothing here writes a byte.
 *
 * The newest valid head settles what must exist. Its own records are read first, since they may
 * truncate, drop or release what lies in the sealed segments; then every other segment that it lists
 * as live must verify. A segment that is missing, emptied, renamed or replaced is never taken for
 * free space. What is merely retained is not looked at here.
 *
 * A record may be there twice, as its APPEND and as COPYs of it: the one with the lowest LSN counts,
 * since what lies above it may be a relocation that was not finished.
 */
import { assert } from "../../types/assert.js";
import type { Disk, DiskFile } from "../../disk/disk.js";
import { PersisterError } from "../../types/errors.js";
import {
  chainStart,
  RECORD_HEADER_BYTES,
  recordsStart,
  recordType,
  slotName,
} from "../form/records.js";
import { applyRecord } from "./apply.js";
import { FoundRecords } from "./found-records.js";
import type { Head, SealedSegment } from "../form/head.js";
import { type LogState, LogTable, NO_HASH } from "../form/log-table.js";
import type { Places } from "../segment/places.js";
import type { Mark } from "../form/mark.js";
import type { MarkFound } from "../segment/mark-file.js";
import { RecoveryErrors } from "./errors.js";
import {
  type ChainEnd,
  type ChainPlace,
  openSlots,
  type Pointer,
  type Slot,
  type WalkedRecord,
} from "../segment/segment.js";
import { SegmentParts } from "../segment/parts.js";
import { type FoundHead, findHeads, newestHead, openMark } from "./start.js";
import { JOURNAL_DIRECTORY } from "../form/store.js";

/** A live record, on its way to whoever knows what its payload means. */
export interface RecoveredRecord {
  readonly name: string;
  readonly number: bigint;
  /** Valid until the visitor returns. */
  readonly payload: Uint8Array;
  readonly pointer: Pointer;
  readonly file: string;
}

/**
 * Judges one live record by itself; returns the 32-byte hash that stands for it, or throws its
 * refusal. Each is visited once, those of a log not always in order.
 */
export type RecordVisitor = (record: RecoveredRecord) => Uint8Array | undefined;

/** Bytes to be written again, in place, before anything else is written (D1). */
export interface UnprovenBytes {
  readonly file: DiskFile;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface Recovered {
  readonly head: Head;
  readonly mark: Mark;
  readonly markFile: DiskFile;
  readonly slots: readonly Slot[];
  /** Sealed segments, and last the newest one, which the next head will list as sealed. */
  readonly segments: readonly SealedSegment[];
  readonly retained: readonly SealedSegment[];
  readonly table: LogTable;
  readonly places: Places;
  readonly unproven: readonly UnprovenBytes[];
  readonly highestSequence: bigint;
  readonly highestLsn: bigint;
  readonly recordsRead: number;
  readonly warnings: readonly string[];
  readonly foreign: readonly string[];
  close(): Promise<void>;
}

/**
 * Reads the journal in `directory`, of the store with `storeId`.
 *
 * @throws {PersisterError} MARK_CORRUPT, JOURNAL_CORRUPT, ACKNOWLEDGED_LOST, FORMAT_TOO_NEW, IO, and
 * whatever `visit` throws. No byte was changed.
 */
export async function recoverJournal(
  disk: Disk,
  directory: string,
  storeId: Uint8Array,
  visit: RecordVisitor,
): Promise<Recovered> {
  const opened: DiskFile[] = [];
  try {
    const { markFile, found } = await openMark(disk, directory, storeId);
    opened.push(markFile);
    const { slots, foreign } = await openSlots(disk, `${directory}/${JOURNAL_DIRECTORY}`);
    opened.push(...slots.map((slot) => slot.file));
    const headsFound = await findHeads(slots, storeId);
    const newest = newestHead(headsFound, found.mark, `${directory}/${JOURNAL_DIRECTORY}`);
    const { heads } = headsFound;
    const scan = new Scan(newest, found.mark, visit);
    await scan.readNewest();
    await scan.checkSealed(heads, slots);
    await scan.deliverNewest();
    scan.checkComplete();
    const retained = scan.retained().filter((segment) => isThere(segment, heads));
    const lost = scan.retained().length - retained.length;
    return {
      head: newest.head,
      mark: found.mark,
      markFile,
      slots,
      ...scan.result(),
      retained,
      unproven: [...scan.unproven(), markBytes(markFile, found)],
      highestSequence: heads.reduce(
        (highest, each) => (each.head.sequence > highest ? each.head.sequence : highest),
        found.mark.headSequence,
      ),
      warnings: [
        ...(found.otherSlotBad ? [`mark: one slot is bad: ${found.otherSlotBad}`] : []),
        ...(lost > 0 ? [`${lost} segments with retained records are not there any more`] : []),
      ],
      foreign,
      close: () => closeAll(opened),
    };
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

function isThere({ slot, sequence }: SealedSegment, heads: readonly FoundHead[]): boolean {
  return heads.some((each) => each.slot.slot === slot && each.head.sequence === sequence);
}

async function closeAll(files: readonly DiskFile[]): Promise<void> {
  for (const file of files) await file.close();
}

function markBytes(file: DiskFile, found: MarkFound): UnprovenBytes {
  return { file, offset: found.offset, bytes: found.bytes };
}

function startOf({ head, bytes }: FoundHead): ChainPlace {
  return {
    offset: recordsStart(bytes.length),
    chain: chainStart(head.salt),
    nextLsn: head.firstLsn,
  };
}

function behind({ offset, payloadLength, headerCrc, lsn }: WalkedRecord): ChainPlace {
  return {
    offset: offset + RECORD_HEADER_BYTES + payloadLength,
    chain: headerCrc,
    nextLsn: lsn + 1n,
  };
}

/** What of a record's payload the table of logs is changed by. */
function kept({ type, payload }: WalkedRecord): Uint8Array {
  return type === recordType.open ? Uint8Array.from(payload) : NOTHING;
}

const NOTHING = new Uint8Array(0);

/** One reading of the journal, from the newest segment down to its last live record. */
class Scan {
  readonly #newest: FoundHead;
  readonly #mark: Mark;
  readonly #visit: RecordVisitor;
  readonly #table: LogTable;
  readonly #found = new FoundRecords();
  readonly #errors: RecoveryErrors;
  readonly #segments: SealedSegment[] = [];
  /** Sequences of the segments that the newest one's own records released. */
  readonly #released = new Set<bigint>();
  #newestEnd: ChainEnd | undefined;
  /** Of the newest segment's records, those above the acknowledged LSN. */
  #unproven: UnprovenBytes | undefined;
  #recordsRead = 0;

  constructor(newest: FoundHead, mark: Mark, visit: RecordVisitor) {
    this.#newest = newest;
    this.#mark = mark;
    this.#visit = visit;
    this.#table = new LogTable(newest.head.logs, newest.head.nextLog);
    this.#errors = new RecoveryErrors(this.#table, this.#found);
  }

  /**
   * Applies the newest segment's own records to the table, up to its torn tail. A batch that is not
   * there to its end was never acknowledged, and counts as if it were not there at all.
   */
  async readNewest(): Promise<void> {
    const { slot, head } = this.#newest;
    const manifest = { head, table: this.#table, released: this.#released };
    const start = startOf(this.#newest);
    const parts = new SegmentParts([{ file: slot.file, from: start.offset, to: slot.bytes }]);
    const batch: (WalkedRecord & { readonly place: ChainPlace })[] = [];
    let unprovenFrom: number | undefined;
    let place: ChainPlace = start;
    const end = await parts.walkNext(start, (record) => {
      batch.push({ ...record, payload: kept(record), place });
      place = behind(record);
      if (record.more) return;
      for (const each of batch) {
        if (each.lsn > this.#mark.acked) unprovenFrom ??= each.offset;
        const refusal = applyRecord(each, manifest);
        if (refusal !== undefined) this.#errors.corrupt(slot.file.path, each.offset, refusal, each);
      }
      batch.length = 0;
    });
    await parts.end();
    this.#newestEnd = { ...end, ...batch[0]?.place };
    this.#checkAcknowledged(this.#newestEnd);
    if (unprovenFrom === undefined) return;
    const length = this.#newestEnd.offset - unprovenFrom;
    const bytes = await slot.file.read(unprovenFrom, length);
    this.#unproven = { file: slot.file, offset: unprovenFrom, bytes };
  }

  /** D6: a group is acknowledged only under a mark, so what the mark calls acknowledged must be here. */
  #checkAcknowledged(end: ChainEnd): void {
    const { slot, head } = this.#newest;
    if (this.#mark.acked < head.firstLsn || end.nextLsn > this.#mark.acked) return;
    this.#errors.acknowledgedLost(slot.file.path, end, this.#mark.acked);
  }

  /** The listed segments that must verify. */
  needed(): readonly SealedSegment[] {
    return this.#newest.head.sealed.filter(({ sequence }) => !this.#released.has(sequence));
  }

  /** The segments that are kept for what was pruned: nothing in them is promised. */
  retained(): readonly SealedSegment[] {
    return this.#newest.head.retained.filter(({ sequence }) => !this.#released.has(sequence));
  }

  /** Verifies each sealed segment from its head to its last byte, and delivers its live records. */
  async checkSealed(heads: readonly FoundHead[], slots: readonly Slot[]): Promise<void> {
    const needed = this.needed().map((segment) => {
      const found = heads.find((each) => each.slot.slot === segment.slot);
      return { segment, found: found?.head.sequence === segment.sequence ? found : undefined };
    });
    const parts = new SegmentParts(
      needed.flatMap(({ segment, found }) =>
        found
          ? [{ file: found.slot.file, from: startOf(found).offset, to: segment.endOffset }]
          : [],
      ),
    );
    try {
      for (const { segment, found } of needed) {
        if (!found) this.#refuseMissing(segment, slots);
        const { slot } = found;
        const end = await parts.walkNext(startOf(found), (record) => this.#deliver(record, slot));
        const whole =
          end.nextLsn === segment.nextLsn &&
          end.offset === segment.endOffset &&
          end.chain === segment.endChain;
        if (!whole) this.#errors.corrupt(slot.file.path, end.offset, end.reason, end.suspect);
        this.#segments.push(segment);
      }
    } finally {
      await parts.end();
    }
  }

  #refuseMissing(segment: SealedSegment, slots: readonly Slot[]): never {
    const slot = slots.find((each) => each.slot === segment.slot);
    const missing = slot ? "is not the segment that the head lists" : "is missing";
    const file = slot?.file.path ?? this.#pathOf(segment.slot);
    this.#errors.corrupt(file, 0, `segment ${segment.sequence} ${missing}`, undefined);
  }

  async deliverNewest(): Promise<void> {
    const { slot, head } = this.#newest;
    const start = startOf(this.#newest);
    const end: ChainPlace = this.#newestEnd ?? start;
    const parts = new SegmentParts([{ file: slot.file, from: start.offset, to: end.offset }]);
    await parts.walkNext(start, (record) => this.#deliver(record, slot));
    this.#segments.push({
      slot: slot.slot,
      sequence: head.sequence,
      firstLsn: head.firstLsn,
      nextLsn: end.nextLsn,
      endOffset: end.offset,
      endChain: end.chain,
    });
  }

  /** D5: exactly [first, next) of every log was delivered. */
  checkComplete(): void {
    for (const state of this.#table.states()) {
      const number = this.#found.missingOf(state);
      if (number === undefined) continue;
      const found = this.#found.countOf(state);
      throw new PersisterError(
        "JOURNAL_CORRUPT",
        `${state.name}: record ${number} is missing: returned ${found}, expected ` +
          `${state.next - state.first} records`,
        { lane: state.name, blockNumber: number, file: this.#newest.slot.file.path },
      );
    }
  }

  unproven(): UnprovenBytes[] {
    const { slot, bytes } = this.#newest;
    const head = { file: slot.file, offset: 0, bytes };
    return this.#unproven ? [head, this.#unproven] : [head];
  }

  result() {
    const lastLsn = (this.#newestEnd?.nextLsn ?? this.#newest.head.firstLsn) - 1n;
    return {
      segments: this.#segments,
      table: this.#table,
      places: this.#found.places(this.#table.states()),
      highestLsn: lastLsn > this.#mark.intended ? lastLsn : this.#mark.intended,
      recordsRead: this.#recordsRead,
    };
  }

  #deliver(record: WalkedRecord, slot: Slot): void {
    if (record.type !== recordType.append && record.type !== recordType.copy) return;
    const state = this.#table.byLog(record.log);
    if (!state || record.number < state.first || record.number >= state.next) return;
    const earlier = this.#found.find(state, record.number);
    if (earlier) {
      const same = earlier.length === record.payloadLength && earlier.crc === record.payloadCrc;
      if (!same) {
        const reason = "a record is there twice, and differs";
        this.#errors.corrupt(slot.file.path, record.offset, reason, record);
      }
      return;
    }
    const pointer = {
      slot: slot.slot,
      offset: record.offset + RECORD_HEADER_BYTES,
      length: record.payloadLength,
      crc: record.payloadCrc,
    };
    const { name } = state;
    const { number, payload } = record;
    const hash = this.#visit({ name, number, payload, pointer, file: slot.file.path });
    this.#found.put(state, number, pointer);
    this.#recordsRead += 1;
    if (hash) this.#checkTip(state, number, hash, slot);
    if (number === state.next - 1n) state.tip = hash ?? NO_HASH;
  }

  /** The head recorded the hash of each log's last record: it must be the one that is there. */
  #checkTip(state: LogState, number: bigint, hash: Uint8Array, slot: Slot): void {
    const { name, log } = state;
    const listed = this.#newest.head.logs.find((entry) => entry.log === log);
    if (!listed || number !== listed.next - 1n || Buffer.compare(listed.tip, NO_HASH) === 0) return;
    if (Buffer.compare(listed.tip, hash) === 0) return;
    throw new PersisterError(
      "JOURNAL_CORRUPT",
      `${slot.file.path}: ${name} ${number} is not the record whose hash the head lists`,
      { lane: name, blockNumber: number, file: slot.file.path },
    );
  }

  #pathOf(slot: number): string {
    const own = this.#newest.slot.file.path;
    assert(own.endsWith(slotName(this.#newest.slot.slot)), "a slot's file bears its name");
    return own.slice(0, -slotName(this.#newest.slot.slot).length) + slotName(slot);
  }
}
