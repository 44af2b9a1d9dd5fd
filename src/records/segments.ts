/**
 * Which segments the live records of a journal lie in. Asked of the engine record by record, in small
 * turns: for operators and truncations, not for the path of an append.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { slotName } from "../journal/form/records.js";
import type { LogEngine } from "../journal/log-engine.js";
import { JOURNAL_DIRECTORY } from "../journal/form/store.js";
import { RECORDS_LOG } from "./recovery.js";

/** Records that are looked up in one turn of the event loop. */
const RECORDS_PER_TURN = 4096;

/** A segment with live records in it. */
export interface JournalSegment {
  /** Below the journal's directory. */
  readonly file: string;
  /** Its live records lie in [firstLsn, nextLsn). */
  readonly firstLsn: bigint;
  readonly nextLsn: bigint;
  readonly records: number;
  /** From its start to the end of its last live record. */
  readonly usedBytes: number;
}

interface Range {
  readonly first: bigint;
  readonly next: bigint;
}

/** The segments of the live records in `range`, by slot. */
export async function segmentsOf(
  engine: LogEngine,
  range: Range,
): Promise<ReadonlyMap<number, JournalSegment>> {
  const found = new Map<number, JournalSegment>();
  let turn = 0;
  for (let lsn = range.first; lsn < range.next; lsn++) {
    turn += 1;
    if (turn % RECORDS_PER_TURN === 0) await nextTurn();
    const pointer = engine.find(RECORDS_LOG, lsn);
    // Truncated meanwhile.
    if (!pointer) continue;
    const { slot } = pointer;
    const known = found.get(slot);
    found.set(slot, {
      file: `${JOURNAL_DIRECTORY}/${slotName(slot)}`,
      firstLsn: known?.firstLsn ?? lsn,
      nextLsn: lsn + 1n,
      records: (known?.records ?? 0) + 1,
      usedBytes: Math.max(known?.usedBytes ?? 0, pointer.offset + pointer.length),
    });
  }
  return found;
}

/** What a truncation to `first` leaves without a live record: sealed segments, and the bytes in them. */
export async function freedBy(
  engine: LogEngine,
  range: Range,
  first: bigint,
): Promise<{ readonly segments: number; readonly bytes: number }> {
  const dying = await segmentsOf(engine, { first: range.first, next: first });
  const staying = await segmentsOf(engine, { first, next: range.next });
  const freed = engine.readable.filter(({ slot }) => dying.has(slot) && !staying.has(slot));
  return {
    segments: freed.length,
    bytes: freed.reduce((sum, { endOffset }) => sum + endOffset, 0),
  };
}
