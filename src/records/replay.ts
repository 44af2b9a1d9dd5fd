/**
 * Reading records back in order: which ones is decided by labels in memory, and what is chosen is read
 * from disk ahead of the reader, a bounded batch at a time.
 */
import { ahead } from "../async/ahead.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import type { RecordLog } from "./record-log.js";

/** Records, and bytes of payloads, of one batch; a larger record is a batch of its own. */
const BATCH_RECORDS_MAX = 256;
const BATCH_BYTES_MAX = 1024 * 1024;

/** What is told of a record without reading its payload. */
export interface RecordHeader {
  readonly lsn: bigint;
  readonly type: number;
  readonly tenant: number;
  readonly shard: number;
  /** Of the payload. */
  readonly byteLength: number;
  /** The LSN that an imported record had where it came from. */
  readonly origin?: bigint;
}

/** A record with its payload: a view of what was read, the caller's to keep. */
export interface JournalRecord extends Omit<RecordHeader, "byteLength"> {
  readonly payload: Uint8Array;
}

/** Which records: [from, next) of those that pass `select`. */
export interface RecordRange {
  /** The first LSN where it is left out. */
  readonly from?: bigint | undefined;
  /** Asked of each record before its payload is read. */
  readonly select?: ((header: RecordHeader) => boolean) | undefined;
}

/** A half-open range that is known to be held. */
export interface HeldRange {
  readonly from: bigint;
  readonly next: bigint;
  readonly select: (header: RecordHeader) => boolean;
}

/**
 * The range, ending with what is durable now.
 *
 * @throws {PersisterError} OUT_OF_SEQUENCE where `from` was truncated, or is above what there is.
 */
export function heldRange(log: RecordLog, { from = log.first, select }: RecordRange): HeldRange {
  if (from < log.first || from > log.next) {
    const why = from < log.first ? "was truncated" : "was never durable here";
    throw new PersisterError(
      "OUT_OF_SEQUENCE",
      `record ${from} ${why}: [${log.first}, ${log.next}) are held`,
    );
  }
  return { from, next: log.next, select: select ?? everything };
}

/** The header of a durable record. */
export function headerAt(log: RecordLog, lsn: bigint): RecordHeader {
  const { type, tenant, shard, byteLength, origin } = log.labelsAt(lsn);
  const header = { lsn, type, tenant, shard, byteLength };
  return origin === undefined ? header : { ...header, origin };
}

/** The selected headers of a range, in order. Reads nothing. */
export function* headersIn(log: RecordLog, range: HeldRange): Generator<RecordHeader, void> {
  for (let lsn = range.from; lsn < range.next; lsn++) {
    if (lsn < log.first) throw truncatedMeanwhile(lsn, log.first);
    const header = headerAt(log, lsn);
    if (range.select(header)) yield header;
  }
}

/**
 * The selected records of a range, which is asked for when the first one is, in order; the next batch
 * is read while one is consumed.
 *
 * @throws {PersisterError} OUT_OF_SEQUENCE where they were truncated meanwhile; ABORTED by the signal;
 * JOURNAL_CORRUPT, IO.
 */
export async function* recordsIn(
  log: RecordLog,
  range: () => HeldRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<JournalRecord> {
  const headers = headersIn(log, range());
  let coming = ahead(readBatch(log, headers));
  try {
    for (;;) {
      throwIfAborted(signal);
      const batch = await coming;
      if (batch.length === 0) return;
      coming = ahead(readBatch(log, headers));
      for (const record of batch) {
        throwIfAborted(signal);
        yield record;
      }
    }
  } finally {
    // A reader that leaves early does not want the batch that was read ahead, nor its error.
    await Promise.allSettled([coming]);
  }
}

/** The next records, read side by side: the engine reads what lies together in one go. */
async function readBatch(
  log: RecordLog,
  headers: Iterator<RecordHeader, void>,
): Promise<JournalRecord[]> {
  const lsns: bigint[] = [];
  for (let bytes = 0; lsns.length < BATCH_RECORDS_MAX && bytes < BATCH_BYTES_MAX; ) {
    const header = headers.next();
    if (header.done === true) break;
    bytes += header.value.byteLength;
    lsns.push(header.value.lsn);
  }
  return await Promise.all(lsns.map((lsn) => readRecord(log, lsn)));
}

/** The record at a live LSN, read and compared with its labels in memory. */
export async function readRecord(log: RecordLog, lsn: bigint): Promise<JournalRecord> {
  const { labels, payload } = await log.read(lsn);
  const { type, tenant, shard, origin } = labels;
  const record = { lsn, type, tenant, shard, payload };
  return origin === undefined ? record : { ...record, origin };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new PersisterError("ABORTED", "the replay was aborted", { cause: signal.reason });
}

function truncatedMeanwhile(lsn: bigint, first: bigint): PersisterError {
  assert(lsn < first, "a truncation raises the first LSN");
  return new PersisterError(
    "OUT_OF_SEQUENCE",
    `record ${lsn} was truncated while it was to be read: ${first} is the first`,
  );
}

function everything(): boolean {
  return true;
}
