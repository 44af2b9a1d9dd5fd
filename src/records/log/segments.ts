/**
 * The segments that the live records of a journal lie in. The engine knows them by spans of records, of
 * which there are about as many as segments: nothing here walks over records.
 */
import { JOURNAL_DIRECTORY } from "../../journal/form/store.js";
import { slotName } from "../../journal/form/records.js";
import type { LogEngine } from "../../journal/log-engine.js";
import { assert } from "../../types/assert.js";
import { withJson } from "../../types/json.js";
import { RECORDS_LOG } from "./record-check.js";

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

/** How much is held, in memory and on disk. `JSON.stringify` gives bigints as decimal strings. */
export interface JournalSizes {
  readonly records: bigint;
  /** Segment files, the free ones too. */
  readonly segments: number;
  readonly freeSegments: number;
  /** Bytes of all segment files. */
  readonly bytes: number;
}

export function sizesOf(engine: LogEngine, records: number): JournalSizes {
  const { slots, free, bytes } = engine.space;
  return withJson({ records: BigInt(records), segments: slots, freeSegments: free, bytes });
}

/** The segments with live records, in the order of their first LSNs. */
export function segmentsOf(engine: LogEngine): readonly JournalSegment[] {
  const found = new Map<number, JournalSegment>();
  for (const { slot, first, next } of engine.spansOf(RECORDS_LOG)) {
    const known = found.get(slot);
    const last = engine.find(RECORDS_LOG, next - 1n);
    assert(last !== undefined, "a span is of live records");
    const segment = {
      file: `${JOURNAL_DIRECTORY}/${slotName(slot)}`,
      firstLsn: known?.firstLsn ?? first,
      nextLsn: next,
      records: (known?.records ?? 0) + Number(next - first),
      usedBytes: Math.max(known?.usedBytes ?? 0, last.offset + last.length),
    };
    found.set(slot, withJson(segment));
  }
  return [...found.values()];
}

/** The sealed segments that a truncation to `first` leaves without a live record, and the bytes in them. */
export function freedBy(
  engine: LogEngine,
  first: bigint,
): { readonly segments: number; readonly bytes: number } {
  const dying = new Set<number>();
  for (const span of engine.spansOf(RECORDS_LOG)) {
    // Spans are in the order of their records: those that go come first.
    if (span.first < first) dying.add(span.slot);
    if (span.next > first) dying.delete(span.slot);
  }
  if (dying.size === 0) return { segments: 0, bytes: 0 };
  const freed = engine.sealed.filter(({ slot }) => dying.has(slot));
  return {
    segments: freed.length,
    bytes: freed.reduce((sum, { endOffset }) => sum + endOffset, 0),
  };
}
