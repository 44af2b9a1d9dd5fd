/**
 * One reading of the journal's records: the newest segment's own first, then those of every segment that
 * must be there, each live record once.
 */
import type { DiskFile } from "../../disk/disk.js";
import { OpenRoom } from "../../keys/aead.js";
import { assert } from "../../types/assert.js";
import { LOOK_FIRST, PersisterError } from "../../types/errors.js";
import type { RetainedSegment, SealedSegment } from "../form/head.js";
import { type LogState, LogTable, NO_HASH } from "../form/log-table.js";
import { recordType, slotName } from "../form/records.js";
import type { SoughtStore } from "../form/store.js";
import type { Seals } from "../seal/seals.js";
import type { MarkFound } from "../segment/mark-file.js";
import { type PartsReading, SegmentParts, type SegmentRange } from "../segment/parts.js";
import {
  type ChainEnd,
  type ChainPlace,
  endsAsListed,
  firstPlace,
  type Pointer,
  pointerTo,
  type Slot,
  type WalkedRecord,
} from "../segment/segment.js";
import { acknowledgedCaseOf } from "./damaged-record.js";
import { RecoveryErrors } from "./errors.js";
import { FoundRecords } from "./found-records.js";
import { type NewestRead, readNewest } from "./newest.js";
import { RangesRead, rangeOf } from "./opening.js";
import type { FoundFront, FoundHead } from "./start.js";

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

/** Opens what is sealed, and tells what is. */
export type RecordSeals = Pick<Seals, "openerOf" | "keyIdOf" | "plainBytes">;

type ScanParts = Pick<SoughtStore, "passed"> & {
  readonly visit: RecordVisitor;
  readonly seals: RecordSeals;
};
/** One reading of the journal, from the newest segment down to its last live record. */
export class Scan {
  readonly #newest: FoundHead;
  readonly #marks: MarkFound;
  readonly #visit: RecordVisitor;
  readonly #seals: RecordSeals;
  readonly #bytes: RangesRead;
  readonly #reading: PartsReading;
  readonly #table: LogTable;
  readonly #found = new FoundRecords();
  readonly #room = new OpenRoom();
  readonly #errors: RecoveryErrors;
  readonly #segments: SealedSegment[] = [];
  #own: NewestRead | undefined;
  /** Of the newest segment's records, those above the acknowledged LSN. */
  #unproven: UnprovenBytes | undefined;
  #recordsRead = 0;
  /** Said of damaged records that nothing needs. */
  readonly #damaged: string[] = [];

  constructor(newest: FoundHead, marks: MarkFound, { visit, seals, passed }: ScanParts) {
    this.#newest = newest;
    this.#marks = marks;
    this.#visit = visit;
    this.#seals = seals;
    this.#bytes = new RangesRead(passed);
    this.#reading = { read: this.#bytes.add, spare: [] };
    this.#table = new LogTable(newest.head.logs, newest.head.nextLog);
    this.#errors = new RecoveryErrors(this.#table, this.#found);
  }

  /** Applies the newest segment's own records to the table. */
  async readNewest(markPath: string, retained: readonly RetainedSegment[]): Promise<void> {
    const [newest, table, errors] = [this.#newest, this.#table, this.#errors];
    const { mark, sequenceMax: markSequenceMax } = this.#marks;
    const parts = { newest, retained, mark, markSequenceMax, markPath, table, errors };
    const own = await readNewest(parts);
    this.#own = own;
    if (own.unprovenFrom === undefined) return;
    const offset = own.unprovenFrom;
    const { file } = newest.slot;
    const bytes = await file.read(offset, own.end.offset - offset);
    this.#unproven = { file, offset, bytes };
  }

  get #read(): NewestRead {
    assert(this.#own !== undefined, "the newest segment is read first");
    return this.#own;
  }

  /** The listed segments that must verify. */
  needed(): readonly SealedSegment[] {
    return this.#newest.head.sealed.filter(({ sequence }) => !this.#read.released.has(sequence));
  }

  /** The slots of the segments that are retained for what was pruned. */
  retainedSlots(): ReadonlySet<number> {
    const released = new Set(this.#read.released.values());
    return new Set(this.#newest.head.retainedSlots.filter((slot) => !released.has(slot)));
  }

  /** Verifies each sealed segment from its head to its last byte, and delivers its live records. */
  async checkSealed(heads: readonly FoundFront[], slots: readonly Slot[]): Promise<void> {
    const needed = this.needed().map((segment) => {
      const found = heads.find((each) => each.slot.slot === segment.slot);
      return { segment, found: found?.head.sequence === segment.sequence ? found : undefined };
    });
    const ranges = needed.flatMap(({ segment: { endOffset }, found }) => {
      return found ? [rangeOf(found, endOffset)] : [];
    });
    this.#bytes.begin([...ranges, this.#ownRange]);
    const parts = new SegmentParts(ranges, this.#reading);
    try {
      for (const { segment, found } of needed) {
        if (!found) this.#refuseMissing(segment, slots);
        const { slot } = found;
        const end = await this.#walk(parts, firstPlace(found.head, found.headBytes), slot);
        if (!endsAsListed(end, segment)) {
          this.#errors.corrupt(slot.file.path, end.offset, end.reason, end.suspect);
        }
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

  get #ownRange(): SegmentRange {
    return rangeOf(this.#newest, this.#read.end.offset);
  }

  async deliverNewest(): Promise<void> {
    const { slot, head, headBytes } = this.#newest;
    const { end } = this.#read;
    const parts = new SegmentParts([this.#ownRange], this.#reading);
    try {
      const delivered = await this.#walk(parts, firstPlace(head, headBytes), slot);
      if (delivered.offset !== end.offset) this.#errors.lostRecord(slot.file.path, delivered);
    } finally {
      await parts.end();
    }
    this.#segments.push({
      slot: slot.slot,
      sequence: head.sequence,
      firstLsn: head.firstLsn,
      nextLsn: end.nextLsn,
      endOffset: end.offset,
      endChain: end.chain,
    });
  }

  /** Delivers the live records of a segment. The walk ends at damage, unless nothing needs what is damaged. */
  async #walk(parts: SegmentParts, start: ChainPlace, slot: Slot): Promise<ChainEnd> {
    const deliver = (record: WalkedRecord): void => this.#deliver(record, slot);
    let end = await parts.walkNext(start, deliver);
    for (;;) {
      const { behind, suspect } = end;
      if (!behind || !suspect) return end;
      const row = acknowledgedCaseOf(suspect, this.#table);
      if (row.action !== "pass") return end;
      this.#damaged.push(
        `${slot.file.path}: ${end.reason} at byte ${end.offset}${this.#errors.named(suspect)}: ` +
          `${row.say} [${row.label}]`,
      );
      end = await parts.walkOn(behind, deliver);
    }
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
          `${state.next - state.first} records; ${LOOK_FIRST}`,
        { lane: state.name, blockNumber: number, file: this.#newest.slot.file.path },
      );
    }
  }

  /** D6: a record of the last group may have been acknowledged, where it is not there any more. */
  warnings(): string[] {
    const { torn, end } = this.#read;
    if (!torn) return this.#damaged;
    const { path } = this.#newest.slot.file;
    return [
      ...this.#damaged,
      `${path}: the last group is there to byte ${end.offset} only: it was in flight at a crash, or it ` +
        "was damaged; the blocks in it are pinned",
    ];
  }

  unproven(): UnprovenBytes[] {
    const { slot, bytes } = this.#newest;
    const head = { file: slot.file, offset: 0, bytes };
    return this.#unproven ? [head, this.#unproven] : [head];
  }

  result() {
    const { torn, highestLsn } = this.#read;
    const { highestAcked } = this.#marks;
    return {
      segments: this.#segments,
      table: this.#table,
      places: this.#found.places(this.#table.states()),
      torn,
      highestLsn: highestLsn > highestAcked ? highestLsn : highestAcked,
      recordsRead: this.#recordsRead,
    };
  }

  #deliver(record: WalkedRecord, slot: Slot): void {
    if (record.type !== recordType.append && record.type !== recordType.copy) return;
    const state = this.#table.byLog(record.log);
    if (!state || record.number < state.first || record.number >= state.next) return;
    const payload = this.#opened(record, slot);
    const pointer = pointerTo(slot.slot, record);
    const earlier = this.#found.find(state, record.number);
    if (earlier) {
      if (!this.#isSame(earlier, pointer)) {
        const reason = "a record is there twice, and differs";
        this.#errors.corrupt(slot.file.path, record.offset, reason, record);
      }
      return;
    }
    const { number } = record;
    const hash = this.#visit({ name: state.name, number, payload, pointer, file: slot.file.path });
    this.#found.put(state, number, pointer);
    this.#recordsRead += 1;
    if (hash) this.#checkTip(state, number, hash, slot);
    if (number === state.next - 1n) state.tip = hash ?? NO_HASH;
  }

  /** The payload of a record whose checksums are right: lent by it or by the room. Refuses a wrong tag. */
  #opened(record: WalkedRecord, slot: Slot): Uint8Array {
    const opener = this.#seals.openerOf(slot.slot);
    if (!opener) return record.payload;
    const payload = opener.open(record, record.payload, this.#room);
    if (payload) return payload;
    this.#errors.corrupt(slot.file.path, record.offset, "the tag does not verify", record);
  }

  /** Whether two places can be of one record. Sealed bytes differ; each tag binds its log and number. */
  #isSame(one: Pointer, other: Pointer): boolean {
    const isPlain = [one, other].every(({ slot }) => this.#seals.keyIdOf(slot) === undefined);
    const isAsLong = this.#seals.plainBytes(one) === this.#seals.plainBytes(other);
    return isAsLong && (!isPlain || one.crc === other.crc);
  }

  /** The head recorded the hash of each log's last record: it must be the one that is there. */
  #checkTip(state: LogState, number: bigint, hash: Uint8Array, slot: Slot): void {
    const { name, log } = state;
    const listed = this.#newest.head.logs.find((entry) => entry.log === log);
    if (!listed || number !== listed.next - 1n || Buffer.compare(listed.tip, NO_HASH) === 0) return;
    if (Buffer.compare(listed.tip, hash) === 0) return;
    throw new PersisterError(
      "JOURNAL_CORRUPT",
      `${slot.file.path}: ${name} ${number} is not the record whose hash the head lists; ${LOOK_FIRST}`,
      { lane: name, blockNumber: number, file: slot.file.path },
    );
  }

  /** The name that a slot would have beside the newest segment, whose own name in a backup is another one. */
  #pathOf(slot: number): string {
    const { path } = this.#newest.slot.file;
    return path.slice(0, path.lastIndexOf("/") + 1) + slotName(slot);
  }
}
