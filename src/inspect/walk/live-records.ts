/**
 * Judges live records one by one, as recovery does, and knows at the end which are missing and which
 * are not linked. The rules are recovery's own (`RecordChecks`); what differs is that nothing stops.
 */
import { isOfLog, RECORD_HEADER_BYTES } from "../../journal/form/records.js";
import type { Head } from "../../journal/form/head.js";
import { type LogTable, NO_HASH } from "../../journal/form/log-table.js";
import { pointerTo, type Slot, type WalkedRecord } from "../../journal/segment/segment.js";
import { type SealedPayloads, WRONG_TAG } from "./sealed.js";
import { attempted, type Finding, findingOf } from "../finding.js";
import type { RecordJudge } from "./judge.js";
import { missingRanges } from "./missing.js";
import type { RecordProver } from "./proof.js";

/** How far an inspection has come; for a display. */
export interface Progress {
  /** Bytes read so far, and how many there will be at least, once that is known. */
  bytesRead: number;
  bytesExpected: number;
  /** Live records checked so far. */
  records: number;
}

export function newProgress(): Progress {
  return { bytesRead: 0, bytesExpected: 0, records: 0 };
}

/** The facts of a record that was found: they tell a copy of it from another record. */
interface FoundRecord {
  /** Bytes of its payload, before it was sealed where it is. */
  readonly length: number;
  /** Of the bytes on disk; sealed bytes of two copies differ. */
  readonly crc: number;
  readonly isSealed: boolean;
}

export class LiveRecords {
  readonly judge: RecordJudge;
  readonly #head: Head;
  readonly #table: LogTable;
  readonly #prover: RecordProver | undefined;
  readonly #progress: Progress;
  readonly #payloads: SealedPayloads;
  /** Live records that could not be opened, by slot. */
  readonly #locked = new Map<number, number>();
  /** By log name and number. */
  readonly #found = new Map<string, Map<bigint, FoundRecord>>();
  /** Numbers by log name whose loss was told where it was seen. */
  readonly #lost = new Map<string, Set<bigint>>();

  /** `table` says what is live once every record of the newest segment was applied to it. */
  constructor(parts: {
    readonly head: Head;
    readonly table: LogTable;
    readonly prover: RecordProver | undefined;
    readonly progress: Progress;
    readonly payloads: SealedPayloads;
    readonly judge: RecordJudge;
  }) {
    this.judge = parts.judge;
    this.#head = parts.head;
    this.#table = parts.table;
    this.#prover = parts.prover;
    this.#progress = parts.progress;
    this.#payloads = parts.payloads;
  }

  /** How many live records in these slots have a payload that could not be opened. */
  lockedIn(slots: Iterable<number>): number {
    let count = 0;
    for (const slot of slots) count += this.#locked.get(slot) ?? 0;
    return count;
  }

  get locked(): number {
    return this.lockedIn(this.#locked.keys());
  }

  /** How many records of [first, next) of a log were found, and the bytes of their payloads. */
  heldOf(name: string, first: bigint, next: bigint): { records: number; bytes: number } {
    const held = { records: 0, bytes: 0 };
    for (const [number, { length }] of this.#found.get(name) ?? []) {
      if (number < first || number >= next) continue;
      held.records += 1;
      held.bytes += length;
    }
    return held;
  }

  /** Judges `record`, if it is one of a live range and was not found before. */
  async *take(record: WalkedRecord, slot: Slot): AsyncGenerator<Finding, void, void> {
    const { log, number, offset } = record;
    const state = isOfLog(record) ? this.#table.byLog(log) : undefined;
    if (!state || number < state.first || number >= state.next) return;
    const { name } = state;
    const file = slot.file.path;
    const place = { file, offset, lane: name, number };
    const wrong = (message: string): Finding => {
      return { class: "JOURNAL_CORRUPT", severity: "error", ...place, message };
    };
    const seen = this.#payloads.read(record, slot);
    if (seen.status === "damaged") {
      this.lost(name, number);
      yield wrong(WRONG_TAG);
      return;
    }
    const found = this.#factsOf(record, slot);
    const earlier = this.#foundOf(name).get(number);
    if (earlier) {
      if (!canBeCopy(earlier, found)) yield wrong("it is there twice, and differs");
      return;
    }
    this.#foundOf(name).set(number, found);
    this.#progress.records += 1;
    if (seen.status === "sealed") {
      this.#locked.set(slot.slot, this.lockedIn([slot.slot]) + 1);
      return;
    }
    const { payload } = seen;
    const pointer = pointerTo(slot.slot, record);
    const judged = await attempted(() =>
      this.judge.visit({ name, number, payload, pointer, file }),
    );
    if ("error" in judged) {
      yield findingOf(judged.error, "error", place);
      return;
    }
    if (this.#isOtherTip(record, judged.value)) {
      yield wrong("its hash is not the one that the head lists");
    }
    for (const doubt of (await this.#prover?.prove(name, payload)) ?? []) {
      yield { class: "INVALID", ...place, ...doubt };
    }
  }

  /** The loss of this record was told: it is not to be told again as missing. */
  lost(name: string, number: bigint): void {
    const lost = this.#lost.get(name) ?? new Set();
    this.#lost.set(name, lost.add(number));
  }

  /** D5: [first, next) of every log is there; `file` is where the logs are listed. */
  *missing(file: string): Generator<Finding, void, void> {
    for (const { name, first, next } of this.#table.states()) {
      const known = [...this.#foundOf(name).keys(), ...(this.#lost.get(name) ?? [])];
      for (const range of missingRanges({ first, next }, known)) {
        const isOne = range.next - range.first === 1n;
        const which = isOne ? `${range.first} is` : `[${range.first}, ${range.next}) are`;
        const message = `${isOne ? "record" : "records"} ${which} in no segment that must be there`;
        const place = { file, lane: name, number: range.first };
        yield { class: "JOURNAL_CORRUPT", severity: "error", ...place, message };
      }
    }
  }

  /** D5: the parent of every block is the block before it. */
  *unlinked(file: string): Generator<Finding, void, void> {
    for (const error of this.judge.brokenLinks()) {
      const offset = error.offset === undefined ? undefined : error.offset - RECORD_HEADER_BYTES;
      yield findingOf(error, "error", { file, offset });
    }
  }

  #factsOf(record: WalkedRecord, { slot }: Slot): FoundRecord {
    const length = this.#payloads.plainBytes(slot, record);
    return { length, crc: record.payloadCrc, isSealed: this.#payloads.isSealed(slot) };
  }

  #foundOf(name: string): Map<bigint, FoundRecord> {
    const found = this.#found.get(name) ?? new Map<bigint, FoundRecord>();
    this.#found.set(name, found);
    return found;
  }

  /** The head recorded the hash of each log's last record, where it has one. */
  #isOtherTip({ log, number }: WalkedRecord, hash: Uint8Array | undefined): boolean {
    const listed = this.#head.logs.find((entry) => entry.log === log);
    if (!hash || !listed || number !== listed.next - 1n) return false;
    return Buffer.compare(listed.tip, NO_HASH) !== 0 && Buffer.compare(listed.tip, hash) !== 0;
  }
}

/** Whether two places can be of one record. Each tag binds its log and number. */
function canBeCopy(one: FoundRecord, other: FoundRecord): boolean {
  const isPlain = !one.isSealed && !other.isSealed;
  return one.length === other.length && (!isPlain || one.crc === other.crc);
}
