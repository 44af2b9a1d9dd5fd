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
import { assert } from "../types/assert.js";
import type { Disk, DiskFile } from "../disk/disk.js";
import { PersisterError } from "../types/errors.js";
import { chainStart, RECORD_HEADER_BYTES, recordsStart, recordType, slotName } from "./format.js";
import { applyRecord } from "./apply.js";
import { FoundRecords } from "./found-records.js";
import type { Head, SealedSegment } from "./head.js";
import { type LogState, LogTable, NO_HASH } from "./log-table.js";
import type { Places } from "./places.js";
import type { Mark } from "./mark.js";
import { readAhead, type ReadSegment } from "./read-ahead.js";
import type { MarkFound } from "./mark-file.js";
import {
  type ChainEnd,
  openSlots,
  type Pointer,
  type Slot,
  type WalkedRecord,
  walkRecords,
} from "./segment.js";
import { type FoundHead, findHeads, newestHead, openMark } from "./start.js";
import { JOURNAL_DIRECTORY } from "./store.js";

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
    const heads = await findHeads(slots, storeId);
    const newest = newestHead(heads, found.mark, `${directory}/${JOURNAL_DIRECTORY}`);
    const scan = new Scan(newest, found.mark, visit);
    await scan.readNewest();
    for await (const read of readAhead(scan.needed(), slots)) scan.checkSealed(read, slots, heads);
    scan.deliverNewest();
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

/** One reading of the journal, from the newest segment down to its last live record. */
class Scan {
  readonly #newest: FoundHead;
  readonly #mark: Mark;
  readonly #visit: RecordVisitor;
  readonly #table: LogTable;
  readonly #found = new FoundRecords();
  readonly #segments: SealedSegment[] = [];
  /** Sequences of the segments that the newest one's own records released. */
  readonly #released = new Set<bigint>();
  #newestBytes: Uint8Array = new Uint8Array(0);
  #newestEnd: ChainEnd | undefined;
  #unprovenFrom: number | undefined;
  #recordsRead = 0;

  constructor(newest: FoundHead, mark: Mark, visit: RecordVisitor) {
    this.#newest = newest;
    this.#mark = mark;
    this.#visit = visit;
    this.#table = new LogTable(newest.head.logs, newest.head.nextLog);
  }

  /** Applies the newest segment's own records to the table, up to its torn tail. */
  async readNewest(): Promise<void> {
    const { slot, head } = this.#newest;
    this.#newestBytes = await slot.file.read(0, slot.bytes);
    const manifest = { head, table: this.#table, released: this.#released };
    const end = this.#walkNewest((record) => {
      if (record.lsn > this.#mark.acked) this.#unprovenFrom ??= record.offset;
      const refusal = applyRecord(record, manifest);
      if (refusal !== undefined) this.#corrupt(slot, record.offset, refusal, record);
    });
    // D6: a group is acknowledged only under a mark, so what the mark calls acknowledged must be here.
    if (this.#mark.acked >= head.firstLsn && end.nextLsn <= this.#mark.acked) {
      const file = slot.file.path;
      const place = this.#place(end.suspect?.log, end.suspect?.number);
      throw new PersisterError(
        "ACKNOWLEDGED_LOST",
        `${file}: acknowledged records ${end.nextLsn}..${this.#mark.acked} are not there` +
          `${place.words}: ${end.reason} at byte ${end.offset}; restore the file`,
        { file, offset: end.offset, ...place.facts },
      );
    }
    this.#newestEnd = end;
  }

  /** The listed segments that must verify. */
  needed(): readonly SealedSegment[] {
    return this.#newest.head.sealed.filter(({ sequence }) => !this.#released.has(sequence));
  }

  /** The segments that are kept for what was pruned: nothing in them is promised. */
  retained(): readonly SealedSegment[] {
    return this.#newest.head.retained.filter(({ sequence }) => !this.#released.has(sequence));
  }

  /** Verifies one sealed segment from its head to its last byte, and delivers its live records. */
  checkSealed(
    { segment, bytes }: ReadSegment,
    slots: readonly Slot[],
    heads: readonly FoundHead[],
  ): void {
    const found = heads.find((each) => each.slot.slot === segment.slot);
    const slot = slots.find((each) => each.slot === segment.slot);
    if (!slot || !bytes || found?.head.sequence !== segment.sequence) {
      const missing = slot ? "is not the segment that the head lists" : "is missing";
      const file = slot?.file.path ?? this.#pathOf(segment.slot);
      this.#corruptFile(file, 0, `segment ${segment.sequence} ${missing}`, undefined);
    }
    const start = {
      offset: recordsStart(found.bytes.length),
      chain: chainStart(found.head.salt),
      nextLsn: found.head.firstLsn,
    };
    const end = walkRecords(bytes, start, (record) => this.#deliver(record, slot));
    const whole =
      end.nextLsn === segment.nextLsn &&
      end.offset === segment.endOffset &&
      end.chain === segment.endChain;
    if (!whole) this.#corruptFile(slot.file.path, end.offset, end.reason, end.suspect);
    this.#segments.push(segment);
  }

  deliverNewest(): void {
    const { slot, head } = this.#newest;
    const end = this.#walkNewest((record) => this.#deliver(record, slot));
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
      const found = this.#found.countOf(state.name);
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
    const end = this.#newestEnd?.offset ?? 0;
    if (this.#unprovenFrom === undefined) return [head];
    const records = this.#newestBytes.subarray(this.#unprovenFrom, end);
    return [head, { file: slot.file, offset: this.#unprovenFrom, bytes: records }];
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

  #walkNewest(visit: (record: WalkedRecord) => void): ChainEnd {
    const { head, bytes } = this.#newest;
    return walkRecords(
      this.#newestBytes,
      {
        offset: recordsStart(bytes.length),
        chain: chainStart(head.salt),
        nextLsn: head.firstLsn,
      },
      visit,
    );
  }

  #deliver(record: WalkedRecord, slot: Slot): void {
    if (record.type !== recordType.append && record.type !== recordType.copy) return;
    const state = this.#table.byLog(record.log);
    if (!state || record.number < state.first || record.number >= state.next) return;
    const earlier = this.#found.find(state.name, record.number);
    if (earlier) {
      const same = earlier.length === record.payloadLength && earlier.crc === record.payloadCrc;
      if (!same) this.#corrupt(slot, record.offset, "a record is there twice, and differs", record);
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
    this.#found.put(name, number, pointer);
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

  #corrupt(
    slot: Slot,
    offset: number,
    reason: string,
    at: { readonly log: number; readonly number: bigint } | undefined,
  ): never {
    this.#corruptFile(slot.file.path, offset, reason, at);
  }

  #corruptFile(
    file: string,
    offset: number,
    reason: string,
    at: { readonly log: number; readonly number: bigint } | undefined,
  ): never {
    const place = at ? this.#place(at.log, at.number) : this.#firstMissing();
    throw new PersisterError(
      "JOURNAL_CORRUPT",
      `${file}: ${reason} at byte ${offset}${place.words}; restore the file`,
      { file, offset, ...place.facts },
    );
  }

  /** Which record is meant, where the damaged header still tells. */
  #place(log: number | undefined, number: bigint | undefined) {
    const state = log === undefined ? undefined : this.#table.byLog(log);
    if (!state || number === undefined) return this.#firstMissing();
    return {
      words: ` (${state.name} ${number})`,
      facts: { lane: state.name, blockNumber: number },
    };
  }

  /** The first live record that was not delivered yet: what the damage has cost at least. */
  #firstMissing() {
    for (const state of this.#table.states()) {
      const number = this.#found.missingOf(state);
      if (number === undefined) continue;
      return {
        words: ` (${state.name} ${number} is not found)`,
        facts: { lane: state.name, blockNumber: number },
      };
    }
    return { words: "", facts: {} };
  }

  #pathOf(slot: number): string {
    const own = this.#newest.slot.file.path;
    assert(own.endsWith(slotName(this.#newest.slot.slot)), "a slot's file bears its name");
    return own.slice(0, -slotName(this.#newest.slot.slot).length) + slotName(slot);
  }
}
